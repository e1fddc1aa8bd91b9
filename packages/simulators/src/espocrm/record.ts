/** One record as EspoCRM keeps it. Numbers and addresses stand in records of their own there; here they lie beside. */
export interface EspoRecord {
  readonly id: string
  readonly entityType: string
  attributes: Record<string, unknown>
  phoneNumbers: EspoPhoneNumber[]
  emailAddresses: EspoEmailAddress[]
  deleted: boolean
}

interface EspoPhoneNumber {
  phoneNumber: string
  type: string
  primary: boolean
  optOut: boolean
  invalid: boolean
}

interface EspoEmailAddress {
  emailAddress: string
  lower: string
  primary: boolean
  optOut: boolean
  invalid: boolean
}

/** `YYYY-MM-DD HH:mm:ss` in UTC, without a zone mark. */
export function espoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')
}

/** The digits of a number, an extension's included. */
export function numericOf(phoneNumber: string): string {
  return phoneNumber.replace(/[^0-9]/g, '')
}

/** A record as a list shows it: the primary number and address alone. */
export function listRow(record: EspoRecord): Record<string, unknown> {
  const phone = record.phoneNumbers.find(({ primary }) => primary)
  const email = record.emailAddresses.find(({ primary }) => primary)
  return {
    id: record.id,
    ...record.attributes,
    deleted: record.deleted,
    phoneNumber: phone?.phoneNumber ?? null,
    phoneNumberIsOptedOut: phone?.optOut ?? false,
    phoneNumberIsInvalid: phone?.invalid ?? false,
    emailAddress: email?.lower ?? null,
    emailAddressIsOptedOut: email?.optOut ?? false,
    emailAddressIsInvalid: email?.invalid ?? false,
  }
}

/** A record as it is read alone: all its numbers and addresses. */
export function fullRow(record: EspoRecord): Record<string, unknown> {
  return { ...listRow(record), phoneNumberData: record.phoneNumbers, emailAddressData: record.emailAddresses }
}
