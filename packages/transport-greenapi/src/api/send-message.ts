import { CommsError, type OutboundMessage, type SendReceipt } from '@pipe-comms/core'
import { chatIdOf } from '../chat-id.ts'
import type { CheckedOptions } from '../options.ts'
import { answerError } from './answer-error.ts'
import { callMethod } from './call.ts'

/** https://green-api.com/en/docs/api/sending/SendMessage/ */
const MAX_CHARACTERS = 20_000

/**
 * Sends a text. Green-API has no idempotency key: a send without an answer is `send_uncertain` and must be looked up, not repeated.
 */
export async function sendMessage(options: CheckedOptions, message: OutboundMessage, signal: AbortSignal): Promise<SendReceipt> {
  const chatId = chatIdOf(message.to)
  if (!chatId) throw rejected('recipient', `expected a phone number or a WhatsApp chat, got ${message.to.kind} ${message.to.value}`)
  const { text, ...other } = message.content
  if (Object.keys(other).length > 0) throw rejected('content', `expected a text, got also ${Object.keys(other).join(', ')}`)
  if (!text || text.length > MAX_CHARACTERS)
    throw rejected('content', `expected a text of 1 to ${MAX_CHARACTERS} characters, got ${text?.length ?? 0}`)

  const { replyToProviderMessageId: quotedMessageId } = message
  const answer = await callMethod(
    options,
    'sendMessage',
    { chatId, message: text, ...(quotedMessageId ? { quotedMessageId } : {}) },
    signal,
  )
  if (answer.status !== 200) throw answerError('sendMessage', answer.status, answer.text)
  const providerMessageId = idMessageIn(answer.text)
  if (!providerMessageId) throw new CommsError('send_uncertain', 'Green-API: sendMessage answered 200 without an idMessage')
  return { providerMessageId }
}

function idMessageIn(body: string): string | undefined {
  try {
    const { idMessage } = JSON.parse(body) as { idMessage?: unknown }
    return typeof idMessage === 'string' && idMessage !== '' ? idMessage : undefined
  } catch {
    return undefined
  }
}

function rejected(failure: 'recipient' | 'content', reason: string): CommsError {
  return new CommsError('send_rejected', `Green-API: ${reason}`, { failure })
}
