import { CommsError, type EventFact, parseContactAddress } from '@pipe-comms/core'
import type { ParsedMail } from 'mailparser'
import { bareMessageId } from '../message-id.ts'
import { type ConsentClaim, complaintClaim, isMachineReport, unsubscribeClaim } from './consent-mail.ts'
import { digest, type InboundContext } from './inbound-context.ts'
import { identityOf } from './mail-identity.ts'
import { MAX_HEADER_BYTES, MAX_HEADERS } from './mail-limits.ts'
import { readDeliveryReport, readDispositionReport } from './mail-report.ts'
import { type MimeEntity, partsOfType, readEntity } from './mime-entity.ts'
import { parseMime } from './parse-mime.ts'
import { receivedFact } from './received-mail.ts'
import { reportFacts } from './report-facts.ts'
import { isFromMailSystem, readTextBounce } from './text-bounce.ts'
import { textOfHtml } from './text-of-html.ts'

/** The part of InboundMailOptions that the parser thread needs: plain data. */
export interface ReadMailOptions {
  readonly account: string
  readonly address?: string
  readonly unsubscribeMailto?: string
  readonly authservId?: string
  readonly via?: 'webhook' | 'poll' | 'import'
  readonly maxRawBytes?: number
}

/** What one mail says. */
export interface MailReading {
  readonly facts: readonly EventFact[]
  /** That somebody wants no more mail, to be proven. `facts` is then the received mail alone. */
  readonly claim?: ConsentClaim
  /** The name of the mail in keys. */
  readonly name: string
}

/** Reads one mail, whole as it came. Runs in the parser thread. @throws CommsError `webhook_unparsable` */
export async function readMail(bytes: Buffer, options: ReadMailOptions): Promise<MailReading> {
  const mail = readEntity(bytes.toString('latin1').replace(/^From [^\n]*\n/, ''))
  checkSize(mail)
  const context = contextOf(mail, bytes, options)
  if (mail.type === 'multipart/report' || isFromMailSystem(mail)) {
    const report = readDeliveryReport(mail) ?? readDispositionReport(mail)
    const facts = report ? reportFacts(report, context) : []
    if (facts.length > 0) return { facts, name: context.mailId }
  }
  const parsed = await withText(await parse(bytes), mail)
  const identity = identityOf(mail, parsed, bytes)
  const { name } = identity
  const subject = parsed.subject ?? ''
  const complaint = complaintClaim(mail, context)
  if (!complaint) {
    const bounce = readTextBounce(mail, parsed.text ?? '', subject)
    const facts = bounce ? reportFacts(bounce, context) : []
    if (facts.length > 0) return { facts, name }
  }
  const isReport = complaint !== undefined || isMachineReport(mail, subject)
  const isBounce = !isReport && (isFromMailSystem(mail, parsed.text, subject) || mail.type === 'multipart/report')
  const flags = isBounce ? ['automatic', 'bounce'] : isReport ? ['automatic'] : []
  const received = receivedFact(mail, parsed, { ...context, mailId: identity.messageId }, name, flags)
  const claim = complaint ?? (isBounce || isReport ? undefined : unsubscribeClaim(mail, parsed, context))
  return { facts: [received], ...(claim ? { claim } : {}), name }
}

function checkSize({ headerSize: { bytes, fields } }: MimeEntity): void {
  if (bytes > MAX_HEADER_BYTES) throw tooMuch(`a header of at most ${MAX_HEADER_BYTES} bytes, got more`)
  if (fields > MAX_HEADERS) throw tooMuch(`at most ${MAX_HEADERS} header fields, got more`)
}

function tooMuch(reason: string): CommsError {
  return new CommsError('webhook_unparsable', `SMTP: expected a mail with ${reason}`)
}

async function parse(bytes: Buffer): Promise<ParsedMail> {
  try {
    return await parseMime(bytes)
  } catch (error) {
    throw new CommsError('webhook_unparsable', `SMTP: expected a mail that mailparser reads, got: ${(error as Error)?.message}`)
  }
}

/** mailparser makes no text from HTML that is beside pictures in a multipart. */
async function withText(parsed: ParsedMail, mail: MimeEntity): Promise<ParsedMail> {
  // The cells of a table run together in the text of it, an address with its neighbours.
  if (parsed.html && isFromMailSystem(mail) && /<\/t[dh]>/i.test(parsed.html)) {
    const spaced = await textOfHtml(parsed.html.replace(/<\/t[dh]\s*>/gi, ' $&'))
    return spaced === undefined || partsOfType(mail, ['text/plain']).length > 0 ? parsed : { ...parsed, text: spaced }
  }
  const text = parsed.html && !parsed.text?.trim() ? await textOfHtml(parsed.html) : undefined
  return text === undefined ? parsed : { ...parsed, text }
}

function contextOf(mail: MimeEntity, bytes: Buffer, options: ReadMailOptions): InboundContext {
  const endpoint = endpointOf(options.address ?? options.account)
  return {
    account: options.account,
    endpoint,
    mailto: options.unsubscribeMailto,
    authservId: options.authservId,
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
