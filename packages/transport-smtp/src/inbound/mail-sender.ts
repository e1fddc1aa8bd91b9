import { anyContactAddress, CommsError, type ContactAddress } from '@pipe-comms/core'
import type { AddressObject, EmailAddress, ParsedMail } from 'mailparser'
import { addressesIn } from './mail-report.ts'
import type { MimeEntity } from './mime-entity.ts'

export interface Sender {
  readonly contact: ContactAddress
  readonly contactName?: string
}

/**
 * Who wrote a mail: the first address in From, also one of an odd form; else Sender, Reply-To or Return-Path; else the words in From, such
 * as `MAILER-DAEMON`. A mail system that gives no name at all is `MAILER-DAEMON`.
 * @throws CommsError `webhook_unparsable` when it is no mail, or when it names no author
 */
export function senderOf(mail: MimeEntity, parsed: ParsedMail): Sender {
  const [from] = membersOf(parsed.from)
  const words = from?.name ?? ''
  const likely = [from?.address, ...addressesIn(words)].filter((address) => address?.includes('@'))
  // Where mailparser reads no address in odd quotes and brackets, there may be one all the same.
  const others = () => [...addressesIn(from?.address), ...addressesIn(mail.header('from'))]
  const written = likely.find(isEmail) ?? others().find(isEmail) ?? likely[0]
  const contact = written === undefined ? undefined : contactOf(written)
  // One odd header alone is no mail.
  const isMail = SIGNS_OF_A_MAIL.some((name) => mail.header(name) !== undefined)
  if (written && contact && (contact.kind === 'email' || isMail))
    return { contact, ...(words && !words.toLowerCase().includes(written) ? { contactName: words } : {}) }
  const said = `${words} ${mail.header('from') ?? ''}`.trim()
  if (isMail) {
    const [other] = ['sender', 'reply-to', 'return-path'].flatMap((name) => addressesIn(mail.header(name)))
    if (other) return { contact: contactOf(other), ...(words ? { contactName: words } : {}) }
    const isReport = mail.type === 'multipart/report' || mail.header('return-path')?.trim() === '<>'
    const name = words || from?.address || (mail.header('from') ?? '').replace(/[<>]/g, '').trim() || (isReport ? 'MAILER-DAEMON' : '')
    if (name !== '') return { contact: contactOf(name) }
  }
  throw new CommsError('webhook_unparsable', `SMTP: expected a mail with an address in From, got ${JSON.stringify(said.slice(0, 60))}`)
}

const SIGNS_OF_A_MAIL = ['message-id', 'date', 'received', 'return-path', 'subject', 'to']

/** The people in an address header, those in groups too. */
function membersOf(header: AddressObject | undefined): EmailAddress[] {
  return (header?.value ?? []).flatMap((entry) => (entry.group ? entry.group : [entry]))
}

function isEmail(text: string | undefined): boolean {
  // Brackets in an address come from quotes that were not closed.
  return text !== undefined && !/[<>]/.test(text) && anyContactAddress(text).kind === 'email'
}

/** What has no e-mail address is no phone number and no sender of an SMS either, whatever it looks like. */
function contactOf(text: string): ContactAddress {
  const contact = anyContactAddress(text)
  if (contact.kind === 'email' || contact.kind === 'other') return contact
  return { kind: 'other', value: `other:${encodeURIComponent(contact.raw)}`.slice(0, 512), raw: contact.raw }
}
