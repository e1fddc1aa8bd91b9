import { CommsError, type FailureClass, type MessageContent, type OutboundMessage } from '@pipe-comms/core'
import { chatIdOf } from '../chat-id.ts'
import { type MessageOptions, messageOptions } from '../message-options.ts'

/** A message whose address and options WhatsApp can carry: what every sending method starts from. */
export interface Draft {
  readonly message: OutboundMessage
  readonly content: MessageContent
  readonly chatId: string
  /** What goes with every method that can answer an earlier message. */
  readonly common: { readonly chatId: string; readonly quotedMessageId?: string }
  readonly options: MessageOptions
}

/** The method that carries a message, and its body. */
export interface SendCall {
  readonly method: string
  readonly body: Readonly<Record<string, unknown>>
}

/** @throws CommsError `send_rejected` */
export function draftOf(message: OutboundMessage): Draft {
  const { to, content } = message
  const chatId = chatIdOf(to)
  if (!chatId) throw rejected(`expected a phone number or a WhatsApp chat, got ${to.kind} ${to.value}`, 'recipient')
  const quotedMessageId = message.replyToProviderMessageId ?? content.quoted?.providerMessageId
  return {
    message,
    content,
    chatId,
    common: { chatId, ...(quotedMessageId === undefined ? {} : { quotedMessageId }) },
    options: messageOptions(message.options),
  }
}

export function rejected(reason: string, failure: FailureClass = 'content'): CommsError {
  return new CommsError('send_rejected', `Green-API: ${reason}`, { failure })
}
