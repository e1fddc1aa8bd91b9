import { CommsError, type EventFact, isCommsError, parseContactAddress } from '@pipe-comms/core'
import { type ParsedMail, simpleParser } from 'mailparser'
import { bareMessageId } from '../message-id.ts'
import { complaintFact, unsubscribeFact } from './consent-mail.ts'
import { digest, type InboundContext } from './inbound-context.ts'
import { readDeliveryReport, readDispositionReport } from './mail-report.ts'
import { type MimeEntity, readEntity } from './mime-entity.ts'
import { receivedFact } from './received-mail.ts'
import { reportFacts } from './report-facts.ts'
import { isFromMailSystem, readTextBounce } from './text-bounce.ts'

export interface InboundMailOptions {
  /** The transport's account, so that the facts are those of its messages. */
  readonly account: string
  /** Our address, whose domain our Message-IDs have. @default the account, when it is one */
  readonly address?: string
  /** `unsubscribe.mailto` of the transport: mails to it are opt-outs. @default mails whose subject is the word `unsubscribe` */
  readonly unsubscribeMailto?: string
  /** How the mail was had. @default "poll" */
  readonly via?: 'webhook' | 'poll' | 'import'
  /** A mail of at most this many bytes is kept whole beside the fact, of a larger one the headers. @default 262144 (256 KiB) */
  readonly maxRawBytes?: number
}

/**
 * The facts in one mail, whole as it came: from IMAP, a pipe, a webhook. Equal mails give equal facts.
 *
 * | mail | fact |
 * |---|---|
 * | delivery status notification, or a bounce in words (qmail, Exim, Exchange) | `message.failed`, `message.delivered`, `message.in_transit`, one for each recipient |
 * | notice that it was read | `message.read` |
 * | complaint: somebody called our mail spam | `contact.opted_out` |
 * | mail to the address of `List-Unsubscribe` | `message.received` and `contact.opted_out` |
 * | everything else | `message.received`; with the flag `automatic` no person wrote it, and it must not be answered by a machine |
 *
 * @example
 * const facts = await parseInboundMail(raw, { account: 'sales@example.com' })
 * @throws CommsError `webhook_unparsable` when it is no mail from anybody.
 */
export async function parseInboundMail(raw: Uint8Array | string, options: InboundMailOptions): Promise<readonly EventFact[]> {
  const bytes = typeof raw === 'string' ? Buffer.from(raw) : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
  try {
    const mail = readEntity(bytes.toString('latin1').replace(/^From .*\r?\n/, ''))
    const context = contextOf(mail, bytes, options)
    const fromSystem = isFromMailSystem(mail)
    if (mail.type === 'multipart/report' || fromSystem) {
      const report = readDeliveryReport(mail) ?? readDispositionReport(mail)
      const facts = report ? reportFacts(report, context) : []
      if (facts.length > 0) return facts
    }
    const complaint = complaintFact(mail, context)
    if (complaint) return [complaint]
    const parsed = await parse(bytes)
    const bounce = readTextBounce(mail, parsed.text ?? '')
    const facts = bounce ? reportFacts(bounce, context) : []
    if (facts.length > 0) return facts
    const isReport = fromSystem || mail.type === 'multipart/report'
    const received = receivedFact(mail, parsed, context, isReport ? ['automatic', 'bounce'] : [])
    const optedOut = isReport ? undefined : unsubscribeFact(mail, parsed.subject ?? '', received.contact, context)
    return optedOut ? [received, optedOut] : [received]
  } catch (error) {
    if (isCommsError(error)) throw error
    throw new CommsError('webhook_unparsable', 'SMTP: expected a mail, got what cannot be read as one')
  }
}

/** Whether a received message has the flag that no machine may answer it. */
export function isAutomaticMail(content: { readonly flags?: readonly string[] | undefined }): boolean {
  return content.flags?.includes('automatic') ?? false
}

function parse(bytes: Buffer): Promise<ParsedMail> {
  return simpleParser(bytes, { skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true })
}

function contextOf(mail: MimeEntity, bytes: Buffer, options: InboundMailOptions): InboundContext {
  const endpoint = endpointOf(options.address ?? options.account)
  return {
    account: options.account,
    endpoint,
    mailto: options.unsubscribeMailto,
    domain: endpoint?.value.slice(endpoint.value.lastIndexOf('@') + 1),
    mailId: bareMessageId(mail.header('message-id') ?? '') ?? digest(bytes),
    occurredAt: timeOf(mail),
    source: { via: options.via ?? 'poll', raw: rawOf(bytes, options.maxRawBytes ?? 262_144) },
  }
}

function endpointOf(address: string) {
  try {
    const endpoint = parseContactAddress(address)
    return endpoint.kind === 'email' ? endpoint : undefined
  } catch {
    return undefined
  }
}

/** When our own server took it, which its topmost Received says; else what the sender claims. */
function timeOf(mail: MimeEntity): string | undefined {
  const received = mail.header('received')?.split(';').at(-1)
  for (const said of [received, mail.header('date')]) {
    const time = new Date(said ?? '')
    const year = Number.isNaN(time.getTime()) ? 0 : time.getUTCFullYear()
    if (year >= 1980 && year <= 2100) return time.toISOString()
  }
  return undefined
}

function rawOf(bytes: Buffer, maxRawBytes: number) {
  if (bytes.length > maxRawBytes) {
    const headers = bytes
      .subarray(0, 16_384)
      .toString('latin1')
      .split(/\r?\n\r?\n/)[0] as string
    return { sizeBytes: bytes.length, digest: digest(bytes), headers }
  }
  const text = bytes.toString()
  // What is not UTF-8, or holds what a database cannot, is kept byte for byte.
  return text.includes('\u0000') || !Buffer.from(text).equals(bytes) ? { mimeBase64: bytes.toString('base64') } : { mime: text }
}
