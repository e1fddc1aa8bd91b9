import { type MailStatus, readStatus } from '../failure-class.ts'
import { bareMessageId } from '../message-id.ts'
import { MAX_RECIPIENTS } from './mail-limits.ts'
import { type Field, type MimeEntity, partsOfType, readFields } from './mime-entity.ts'
import { readXtext } from './xtext.ts'

/** What a machine on the way says of a message of ours. */
export interface MailReport {
  /** What we gave as ENVID. */
  readonly envelopeId: string | undefined
  readonly original: OriginalMail
  readonly recipients: readonly RecipientReport[]
}

export interface RecipientReport {
  readonly address: string
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded' | 'read'
  readonly status: MailStatus
  /** When a delayed message is given up. */
  readonly until?: Date
}

/** What the report holds of the message it is about. */
export interface OriginalMail {
  /** Without angle brackets. */
  readonly messageId?: string
  /** The addresses in its Cc, lower case. */
  readonly copies: readonly string[]
  /** The addresses in its To, lower case. */
  readonly recipients: readonly string[]
}

/** A delivery status notification. https://www.rfc-editor.org/rfc/rfc3464 */
export function readDeliveryReport(mail: MimeEntity): MailReport | undefined {
  const [part] = partsOfType(mail, ['message/delivery-status', 'message/global-delivery-status'])
  if (!part) return undefined
  return reportOf(part.text(), mail)
}

/** @param text the fields of a report, which some write into a part of text */
export function reportOf(text: string, mail: MimeEntity): MailReport {
  const [message = [], ...blocks] = text
    .split(/\r?\n[ \t]*\r?\n/)
    .map(readFields)
    .filter((fields) => fields.length > 0)
  const original = originalIn(mail)
  // Some write the recipient straight into the first block.
  const recipients = [message, ...blocks].flatMap((fields) => recipientIn(fields, original))
  return { envelopeId: readXtext(fieldValue(message, 'original-envelope-id')), original, recipients }
}

/** That a person opened the message and had this said. https://www.rfc-editor.org/rfc/rfc8098 */
export function readDispositionReport(mail: MimeEntity): MailReport | undefined {
  const [part] = partsOfType(mail, ['message/disposition-notification', 'message/global-disposition-notification'])
  const fields = part ? readFields(part.text()) : []
  const [, disposition = ''] = (fieldValue(fields, 'disposition') ?? '').split(';')
  const final = addressIn(fieldValue(fields, 'final-recipient'))
  const address = originalRecipient(fieldValue(fields, 'original-recipient'), final === undefined ? [] : [final]) ?? final
  if (!/^\s*displayed\b/i.test(disposition) || address === undefined) return undefined
  const messageId = bareMessageId(fieldValue(fields, 'original-message-id') ?? '')
  const original = { ...originalIn(mail), ...(messageId === undefined ? {} : { messageId }) }
  return { envelopeId: undefined, original, recipients: [{ address, action: 'read', status: readStatus('') }] }
}

/** The message a report is about: attached whole or its headers, or what the report answers. */
export function originalIn(mail: MimeEntity): OriginalMail {
  const [attached] = partsOfType(mail, [
    'message/rfc822',
    'text/rfc822-headers',
    'message/rfc822-headers',
    'message/global',
    'message/global-headers',
  ])
  return originalOf(attached?.text() ?? '', mail)
}

/** @param text the original's headers, and what else follows them */
export function originalOf(text: string, mail: MimeEntity): OriginalMail {
  const fields = readFields(text.replace(/^\s+/, '').split(/\r?\n[ \t]*\r?\n/)[0] ?? '')
  const answered = mail.header('in-reply-to') ?? mail.header('references')?.split(/\s+/).at(-1)
  const messageId = bareMessageId(fieldValue(fields, 'message-id') ?? '') ?? bareMessageId(answered ?? '')
  return {
    ...(messageId === undefined ? {} : { messageId }),
    recipients: addressesIn(fieldValue(fields, 'to')),
    copies: addressesIn(fieldValue(fields, 'cc')),
  }
}

const ACTIONS = new Set(['failed', 'delayed', 'delivered', 'relayed', 'expanded'])

function recipientIn(fields: readonly Field[], original: OriginalMail): RecipientReport[] {
  // The original one is the address we wrote to; the final one may be where it was passed on.
  const final = addressIn(fieldValue(fields, 'final-recipient'))
  const known = [...original.recipients, ...original.copies, ...(final === undefined ? [] : [final])]
  // A local account has a name alone; the message may say which address that is.
  const named = fieldValue(fields, 'final-recipient') === undefined ? undefined : ''
  const address = originalRecipient(fieldValue(fields, 'original-recipient'), known) ?? final ?? named
  const code = fieldValue(fields, 'status') ?? ''
  const diagnostic = (fieldValue(fields, 'diagnostic-code') ?? '').replace(/^[\w-]+\s*;\s*/, '')
  const said = fieldValue(fields, 'action')?.split(/[\s(]/)[0]?.toLowerCase() ?? ''
  const action = ACTIONS.has(said) ? said : { '5': 'failed', '4': 'delayed', '2': 'delivered' }[code.trim()[0] ?? '']
  if (address === undefined || action === undefined) return []
  const { reply, enhanced } = readStatus(diagnostic)
  const until = new Date(fieldValue(fields, 'will-retry-until') ?? '')
  return [
    {
      address,
      action: action as RecipientReport['action'],
      // x.0.0 says nothing; what the other server answered may.
      status: { reply, enhanced: specific(readStatus(code).enhanced) ?? enhanced ?? readStatus(code).enhanced, text: diagnostic },
      ...(Number.isNaN(until.getTime()) ? {} : { until }),
    },
  ]
}

function specific(enhanced: string | undefined): string | undefined {
  return enhanced === undefined || /^\d\.0\.0$/.test(enhanced) ? undefined : enhanced
}

function fieldValue(fields: readonly Field[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value
}

/** The address in `rfc822; a@example.com` and its like. */
function addressIn(value: string | undefined): string | undefined {
  return value === undefined ? undefined : addressesIn(withoutType(value))[0]
}

/** Without `rfc822;`. What \x{E9} means is written out: https://www.rfc-editor.org/rfc/rfc6533#section-3 */
function withoutType(value: string): string {
  return value.replace(/^[\w-]+\s*;/, '').replace(/\\x\{([0-9A-F]{2,6})\}/gi, (written, hex) => {
    const code = Number.parseInt(hex, 16)
    return code >= 0xa0 && code <= 0x10ffff ? String.fromCodePoint(code) : written
  })
}

function originalRecipient(value: string | undefined, known: readonly string[]): string | undefined {
  const [written] = writtenAddresses(withoutType(value ?? ''))
  return written === undefined ? undefined : readXtext(written, known).toLowerCase()
}

/** An address in a text, with a quoted local part where it has one. The longest that RFC 5321 knows has 254 characters; relays write longer ones. */
const ADDRESS = /(?:"(?:[^"\\\r\n]|\\.){1,128}"|[^\s<>()[\],;:"'\\@]{1,256})@[^\s<>()[\],;:"'\\@]{1,255}/g

/** The addresses in a text, lower case, as many as one report may have. */
export function addressesIn(value = ''): string[] {
  return writtenAddresses(value).map((address) => address.toLowerCase())
}

function writtenAddresses(value: string): string[] {
  return [...value.slice(0, 40_000).matchAll(ADDRESS)].slice(0, MAX_RECIPIENTS).map(([address]) => address.replace(/[.?!]+$/, ''))
}
