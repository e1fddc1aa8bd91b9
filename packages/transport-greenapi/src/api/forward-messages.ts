import { chatIdOf } from '../chat-id.ts'
import { type Draft, rejected, type SendCall } from './draft.ts'

/** Passes an earlier message on as it is; its answer is a list of ids. https://green-api.com/en/docs/api/sending/ForwardMessages/ */
export function forwardMessages({ content, chatId, common }: Draft): SendCall {
  const { providerMessageId, chat } = content.forwardOf as NonNullable<typeof content.forwardOf>
  const chatIdFrom = chatIdOf(chat)
  if (!chatIdFrom) throw rejected(`expected a message in a WhatsApp chat to forward, got one in ${chat.kind} ${chat.value}`)
  if (common.quotedMessageId !== undefined) throw rejected('a forwarded message cannot be an answer')
  return { method: 'forwardMessages', body: { chatId, chatIdFrom, messages: [providerMessageId] } }
}
