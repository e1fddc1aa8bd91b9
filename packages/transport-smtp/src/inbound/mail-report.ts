import { type MailStatus, readStatus } from '../failure-class.ts'
import { bareMessageId } from '../message-id.ts'
import { type Field, type MimeEntity, partsOfType, readFields } from './mime-entity.ts'

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
  const [message = [], ...blocks] = part
    .text()
    .split(/\r?\n[ \t]*\r?\n/)
    .map(readFields)
    .filter((fields) => fields.length > 0)
  // Some write the recipient straight into the first block.
  const recipients = [message, ...blocks].flatMap((fields) => recipientIn(fields))
  return { envelopeId: unescapeXtext(fieldValue(message, 'original-envelope-id')), original: originalIn(mail), recipients }
}

/** That a person opened the message and had this said. https://www.rfc-editor.org/rfc/rfc8098 */
export function readDispositionReport(mail: MimeEntity): MailReport | undefined {
  const [part] = partsOfType(mail, ['message/disposition-notification', 'message/global-disposition-notification'])
  const fields = part ? readFields(part.text()) : []
  const [, disposition = ''] = (fieldValue(fields, 'disposition') ?? '').split(';')
  const address = addressIn(fieldValue(fields, 'original-recipient')) ?? addressIn(fieldValue(fields, 'final-recipient'))
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

function recipientIn(fields: readonly Field[]): RecipientReport[] {
  // The original one is the address we wrote to; the final one may be where it was passed on.
  const address = addressIn(unescapeXtext(fieldValue(fields, 'original-recipient'))) ?? addressIn(fieldValue(fields, 'final-recipient'))
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
  return value === undefined ? undefined : addressesIn(value.replace(/^[\w-]+\s*;/, ''))[0]
}

/** The addresses in a text, lower case. */
export function addressesIn(value = ''): string[] {
  return [...value.slice(0, 20_000).matchAll(/[^\s<>()[\],;:"'\\@]{1,64}@[^\s<>()[\],;:"'\\@]{1,255}/g)].map(([address]) =>
    address.replace(/[.?!]+$/, '').toLowerCase(),
  )
}

/** https://www.rfc-editor.org/rfc/rfc3461#section-4 */
function unescapeXtext<Value extends string | undefined>(value: Value): Value {
  return value?.replace(/\+([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))) as Value
}
