import { CommsError, type OutboundMessage } from '@pipe-comms/core'
import type { SendMailOptions } from 'nodemailer/lib/mailer'
import { messageIdIn } from '../inbound/mail-identity.ts'
import { mailThread } from '../inbound/mail-thread.ts'
import { type Mailbox, readRecipient } from '../mailbox.ts'
import { bareMessageId, messageIdOf } from '../message-id.ts'
import type { CheckedOptions } from '../options.ts'
import { checkAttachments, openAttachments } from './attachments.ts'
import { readMessageOptions } from './message-options.ts'
import { unsubscribeHeaders } from './unsubscribe-headers.ts'

export interface ComposedMail {
  readonly mail: SendMailOptions
  /** Without angle brackets. */
  readonly messageId: string
  /** The recipient the message is for; those in copy are not. */
  readonly recipient: string
}

/** What a mail can hold. */
const KNOWN = new Set(['text', 'subject', 'html', 'media', 'thread'])
/** ENVID has at most 100 characters: https://www.rfc-editor.org/rfc/rfc3461#section-4.4 */
const MAX_ENVID = 100

/** @throws CommsError `send_rejected` for what no mail can be, `send_unavailable` when a file cannot be opened now. */
export async function composeMail(message: OutboundMessage, options: CheckedOptions, signal: AbortSignal): Promise<ComposedMail> {
  const { mail, ...draft } = draftMail(message, options)
  const text = mail.text ? undefined : await textBeside(mail.html as string | undefined)
  return { ...draft, mail: { ...mail, ...(text ? { text } : {}), attachments: await openAttachments(message, options, signal) } }
}

/** Made in the parser thread: some HTML takes seconds. Where none can be made the mail goes out without, which is a mail all the same. */
async function textBeside(html: string | undefined): Promise<string | undefined> {
  const answer = html ? await mailThread.run({ html }) : undefined
  return answer && 'text' in answer ? answer.text : undefined
}

/** The mail without its files, and without a text that is made from its HTML. @throws CommsError `send_rejected` for what no mail can be. */
export function draftMail(message: OutboundMessage, options: CheckedOptions): ComposedMail {
  const { content } = message
  const recipient = readRecipient(message.to)
  if (!recipient)
    throw rejected('recipient', `expected an e-mail address, got ${message.to.kind} ${JSON.stringify(message.to.raw.slice(0, 60))}`)
  const other = Object.keys(content).filter((part) => !KNOWN.has(part))
  if (other.length > 0) throw rejected('content', `expected text, subject, html, media and thread, got also ${other.join(', ')}`)
  const { html, subject = '', media = [] } = content
  const captions = media.flatMap(({ caption }) => (caption ? [caption] : []))
  if (html && captions.length > 0) throw rejected('content', 'expected files without captions beside html: write them into the html')
  // A file has no words of its own in a mail.
  const text = [...(content.text ? [content.text] : []), ...captions].join('\n\n')
  if (!text && !html && media.length === 0) throw rejected('content', 'expected a text, html or a file, got none')
  if (/\p{Cc}/u.test(subject)) throw rejected('content', 'subject: expected one line without control characters')
  const { cc, bcc, replyTo = options.replyTo, autoSubmitted } = readMessageOptions(message.options)
  const threading = threadOf(message)
  const unsubscribe = unsubscribeHeaders(options, message)

  const messageId = messageIdOf(message.messageId, options.from.domain)
  checkAttachments(message, options)
  return {
    messageId,
    recipient: recipient.address,
    mail: {
      messageId: `<${messageId}>`,
      from: addressOf(options.from),
      to: addressOf({ ...recipient, name: '' }),
      cc: cc.map(addressOf),
      bcc: bcc.map(addressOf),
      ...(replyTo ? { replyTo: addressOf(replyTo) } : {}),
      subject,
      ...threading,
      ...(text ? { text } : {}),
      ...(html ? { html } : {}),
      headers: { ...unsubscribe, ...(autoSubmitted ? { 'Auto-Submitted': autoSubmitted } : {}) },
      ...deliveryReports(message, options, cc.length + bcc.length === 0 ? recipient.address : undefined),
      disableFileAccess: true,
      disableUrlAccess: true,
    },
  }
}

function addressOf({ name, address }: Mailbox) {
  return { name, address }
}

function threadOf({ content: { thread }, replyToProviderMessageId }: OutboundMessage) {
  const read = (id: string) => {
    const bare = bareMessageId(messageIdIn(id))
    if (bare === undefined) throw rejected('content', `thread: expected a Message-ID, got ${JSON.stringify(id.slice(0, 60))}`)
    return `<${bare}>`
  }
  const inReplyTo = (replyToProviderMessageId === undefined ? (thread?.inReplyTo ?? []) : [replyToProviderMessageId]).map(read)
  const references = [...new Set([...(thread?.references ?? []).map(read), ...inReplyTo])]
  return {
    ...(inReplyTo.length > 0 ? { inReplyTo: inReplyTo.join(' ') } : {}),
    ...(references.length > 0 ? { references } : {}),
  }
}

/** Asked for where the server offers it; nodemailer leaves it out elsewhere. One ORCPT stands for all recipients, so only for a lone one. */
function deliveryReports({ messageId }: OutboundMessage, { deliveryReports: wanted }: CheckedOptions, recipient: string | undefined) {
  if (wanted === 'none') return {}
  return {
    dsn: {
      ...(messageId.length <= MAX_ENVID && /^[\x20-\x7e]+$/.test(messageId) ? { id: messageId } : {}),
      return: 'headers' as const,
      notify: wanted === 'all' ? ['success', 'failure', 'delay'] : ['failure', 'delay'],
      ...(recipient === undefined || !/^[\x21-\x7e]+$/.test(recipient) ? {} : { recipient }),
    },
  }
}

function rejected(failure: 'recipient' | 'content', reason: string): CommsError {
  return new CommsError('send_rejected', `SMTP: ${reason}`, { failure })
}
