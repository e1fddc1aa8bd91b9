import { CommsError, type MessageContent, type OutboundMessage, type SendReceipt } from '@pipe-comms/core'
import { optionsFor } from '../message-options.ts'
import { type Draft, draftOf, rejected, type SendCall } from './draft.ts'
import { forwardMessages } from './forward-messages.ts'
import { type InstanceApi, parsed } from './instance.ts'
import { withoutSecrets } from './secrets.ts'
import { sendContact } from './send-contact.ts'
import { sendFileByUpload, uploadForm } from './send-file-by-upload.ts'
import { sendFileByUrl } from './send-file-by-url.ts'
import { sendInteractiveButtons } from './send-interactive-buttons.ts'
import { sendLocation } from './send-location.ts'
import { sendMessage } from './send-message.ts'
import { sendPoll } from './send-poll.ts'

/**
 * Hands a message to the instance. Green-API has no idempotency key: a send without an answer is `send_uncertain` and must be looked up,
 * not repeated. An id in the answer means that the message is in the instance's queue.
 */
export async function send(api: InstanceApi, message: OutboundMessage, signal: AbortSignal): Promise<SendReceipt> {
  const draft = draftOf(message)
  const { method, body } = chooseCall(draft)
  if (signal.aborted) throw new CommsError('send_unavailable', `Green-API: ${method} was stopped before it began`)
  const form = method === 'sendFileByUpload' ? await uploadForm(api, draft, body, signal) : undefined
  const { timeoutMs, uploadTimeoutMs } = api.options
  const what = form ? { form, timeoutMs: uploadTimeoutMs } : { body, timeoutMs }
  try {
    return receiptIn(await api.call({ method, ...what, lost: 'send_uncertain', signal }), method, api)
  } catch (error) {
    // A file that was opened and not read is closed; what fetch has begun to read, it closes itself.
    if (form && !form.stream.locked) await form.stream.cancel().catch(() => {})
    throw error
  }
}

const BODIES = ['forwardOf', 'media', 'location', 'contacts', 'poll', 'buttons', 'text'] as const
type Body = (typeof BODIES)[number]
/** What may stand beside the body: a caption or the text above buttons, and what is answered. */
const BESIDE: Readonly<Partial<Record<Body, readonly string[]>>> = { media: ['text'], buttons: ['text'] }

/** The method for this content. @throws CommsError `send_rejected` for what one WhatsApp message cannot carry. */
export function chooseCall(draft: Draft): SendCall {
  const { content } = draft
  switch (bodyOf(content)) {
    case 'forwardOf':
      return without(draft, forwardMessages(draft))
    case 'media':
      return isUploaded(draft) ? without(draft, sendFileByUpload(draft)) : sendFileByUrl(draft)
    case 'location':
      return without(draft, sendLocation(draft))
    case 'contacts':
      return without(draft, sendContact(draft))
    case 'poll':
      return without(draft, sendPoll(draft))
    case 'buttons':
      return without(draft, sendInteractiveButtons(draft))
    case 'text':
      return sendMessage(draft)
  }
}

/** For methods that take none of the message options. */
function without({ options }: Draft, call: SendCall): SendCall {
  optionsFor(call.method, [], options)
  return call
}

function bodyOf(content: MessageContent): Body {
  const given = Object.entries(content).filter(([name, value]) => name !== 'quoted' && !isEmpty(value))
  const body = BODIES.find((name) => given.some(([one]) => one === name)) ?? 'text'
  const others = given.map(([name]) => name).filter((name) => name !== body && !BESIDE[body]?.includes(name))
  if (others.length > 0) throw rejected(`expected a WhatsApp message of ${body}, got also ${others.join(', ')}`)
  return body
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0)
}

/** A file that its owner opens is uploaded, even when it has a URL too: that one may be known to us alone. */
function isUploaded({ content, message }: Draft): boolean {
  const [media] = content.media ?? []
  return media !== undefined && (media.url === undefined || (media.ref !== undefined && message.openMedia !== undefined))
}

function receiptIn(text: string, method: string, { options }: InstanceApi): SendReceipt {
  const { idMessage, messages, urlFile } = (parsed(text) ?? {}) as { idMessage?: unknown; messages?: unknown[]; urlFile?: unknown }
  const providerMessageId = idMessage ?? (Array.isArray(messages) ? messages[0] : undefined)
  if (typeof providerMessageId !== 'string' || providerMessageId === '')
    throw new CommsError('send_uncertain', `Green-API: ${method} answered with success and without an idMessage`)
  return { providerMessageId, ...(typeof urlFile === 'string' ? { extra: { urlFile: withoutSecrets(urlFile, options) } } : {}) }
}
