import { CommsError, type OutboundMessage, type SendReceipt } from '@pipe-comms/core'
import { providerCodeOf, readStatus } from '../failure-class.ts'
import type { CheckedOptions } from '../options.ts'
import { closeAttachments } from './attachments.ts'
import { composeMail } from './compose-mail.ts'
import type { MailPool } from './mail-pool.ts'
import { type MailError, sendError } from './send-error.ts'

/**
 * Hands one mail to the relay. The receipt's providerMessageId is the Message-ID without angle brackets, as replies and reports are read.
 *
 * nodemailer calls a mail sent when anybody takes it. Here its recipient decides: refused, the message is refused, whoever got a copy;
 * refused for now, it is tried again, and those in copy may get it twice, with one Message-ID. Who in copy was refused is in the receipt.
 */
export async function sendMessage(
  options: CheckedOptions,
  pool: MailPool,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendReceipt> {
  if (signal.aborted) throw new CommsError('send_unavailable', 'SMTP: sending was stopped before it began')
  const { mail, messageId, recipient } = await composeMail(message, options, signal)
  const { info, error, complete } = await pool.transmit(mail, signal)
  closeAttachments(mail.attachments ?? [])

  const refusals = (info ?? (error as { rejectedErrors?: unknown }))?.rejectedErrors as readonly MailError[] | undefined
  const own = refusals?.find((refusal) => refusal.recipient === recipient)
  if (!info || own) throw sendError(own ?? error, complete, options)

  const rejected = (refusals ?? []).map(({ recipient: copy = '', response = '' }) => {
    const text = options.redact(response).slice(0, 400)
    return { recipient: copy, code: providerCodeOf(readStatus(response)) ?? '', text }
  })
  const response = options.redact(info.response).slice(0, 400)
  return { providerMessageId: messageId, extra: rejected.length > 0 ? { response, rejected } : { response } }
}
