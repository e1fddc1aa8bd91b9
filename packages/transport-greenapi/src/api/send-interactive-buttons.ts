import type { MessageContent } from '@pipe-comms/core'
import { type Draft, rejected, type SendCall } from './draft.ts'

const MAX_BUTTONS = 3
type Button = NonNullable<MessageContent['buttons']>['items'][number]

/**
 * Buttons that answer (`sendInteractiveButtonsReply`), or buttons that copy, call or open (`sendInteractiveButtons`): one message holds
 * the one or the other. https://green-api.com/en/docs/api/sending/SendInteractiveButtons/
 */
export function sendInteractiveButtons({ content, common }: Draft): SendCall {
  const { title, body = content.text, footer, items } = content.buttons as NonNullable<typeof content.buttons>
  if (!body || (content.text !== undefined && body !== content.text)) throw rejected('expected buttons with one text above them')
  if (items.length === 0 || items.length > MAX_BUTTONS) throw rejected(`expected 1 to ${MAX_BUTTONS} buttons, got ${items.length}`)
  const answers = items.filter(({ kind = 'reply' }) => kind === 'reply').length
  if (answers > 0 && answers < items.length) throw rejected('expected buttons that answer or buttons that act, got both')
  const around = { ...common, ...(title ? { header: title } : {}), body, ...(footer ? { footer } : {}) }
  return answers > 0
    ? { method: 'sendInteractiveButtonsReply', body: { ...around, buttons: items.map(answering) } }
    : { method: 'sendInteractiveButtons', body: { ...around, buttons: items.map(acting) } }
}

function named({ id, title }: Button, index: number) {
  if (title === '') throw rejected(`expected a title on button ${index + 1}`)
  return { buttonId: id || String(index + 1), buttonText: title }
}

function answering(button: Button, index: number) {
  if (button.value)
    throw rejected(`expected no value on button ${index + 1}, which answers: its kind says whether it is to copy, call or open it`)
  return named(button, index)
}

const VALUE_OF = { copy: 'copyCode', call: 'phoneNumber', url: 'url' } as const

function acting(button: Button, index: number) {
  const type = button.kind as keyof typeof VALUE_OF
  if (!button.value) throw rejected(`expected what button ${index + 1} is to ${type}`)
  return { type, ...named(button, index), [VALUE_OF[type]]: button.value }
}
