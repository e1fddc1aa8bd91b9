import { createHash } from 'node:crypto'
import type { ParsedMail } from 'mailparser'
import { bareMessageId } from '../message-id.ts'
import type { MimeEntity } from './mime-entity.ts'

/** How a mail is told from every other. */
export interface MailIdentity {
  /** The Message-ID without angle brackets, or a digest of the mail when it has none. */
  readonly messageId: string
  /**
   * The Message-ID and a digest of what its author wrote. Some devices, forms and resends use one Message-ID for many mails: those have
   * different names. Deliveries of one mail, which differ in trace headers, encoding or the footer of a mailing list, have the same.
   */
  readonly name: string
}

/** @param parsed the same mail, read by mailparser */
export function identityOf(mail: MimeEntity, parsed: ParsedMail, bytes: Uint8Array): MailIdentity {
  const messageId = bareMessageId(mail.header('message-id') ?? '')
  const written = contentDigest(mail, parsed)
  if (messageId !== undefined) return { messageId, name: `${messageId}#${written.slice(0, DIGEST_LENGTH)}` }
  // Without a date either, two short mails may say the same; only the bytes tell whether they are one.
  const digest = `sha256-${sentAt(mail) === undefined ? sha256(bytes) : written}`
  return { messageId: digest, name: digest }
}

/** The Message-ID in the `providerMessageId` of a mail that was received; any other id as it is. */
export function messageIdIn(providerMessageId: string): string {
  return providerMessageId.replace(NAME_SUFFIX, '')
}

const DIGEST_LENGTH = 16
const NAME_SUFFIX = new RegExp(`#[0-9a-f]{${DIGEST_LENGTH}}$`)

/** Not mailparser's: that is the present for a date that cannot be read. */
function sentAt(mail: MimeEntity): number | undefined {
  const time = Date.parse(mail.header('date') ?? '')
  return Number.isNaN(time) ? undefined : time
}

function contentDigest(mail: MimeEntity, { subject = '', text = '', html, attachments }: ParsedMail): string {
  const isFromList = mail.header('list-id') !== undefined
  const body = (given: string) => words(isFromList ? withoutFooter(given) : given)
  return sha256(
    JSON.stringify([
      sentAt(mail) ?? mail.header('date'),
      words(isFromList ? subject.replace(/\[[^[\]]{1,100}\]/g, ' ') : subject),
      body(text),
      // Where mailparser made the text from it, that says the same; a part of each, and both are what was written.
      body((html || '').replace(/<[^<>]*>/g, '\n')),
      attachments.map(({ filename = '', contentType, content }) => [filename, sha256(lineEndsAlike(contentType, content))]),
    ]),
  )
}

function words(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').trim()
}

/**
 * Without what a mailing list adds at the end: the last block under a line of underscores or a signature mark, when it speaks of the
 * list. https://docs.mailman3.org/projects/mailman/en/latest/src/mailman/rest/docs/templates.html
 */
function withoutFooter(text: string): string {
  const marks = [...text.matchAll(/^[ \t]*(?:_{8,}|-- ?|-{8,})[ \t]*\r?$/gm)]
  const last = marks.at(-1)
  const footer = last && text.slice(last.index)
  return footer && footer.length < 2_000 && /\blist|https?:|unsubscri|d[ée]s(abonn|inscri)/i.test(footer) ? text.slice(0, last.index) : text
}

/** Some ways of delivery write lines of text with CR LF, others with LF. */
function lineEndsAlike(contentType: string, content: Buffer): Uint8Array | string {
  return /^(text|message)\//.test(contentType) ? content.toString('latin1').replaceAll('\r\n', '\n') : content
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
