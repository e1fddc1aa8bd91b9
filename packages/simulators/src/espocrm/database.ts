import { randomBytes } from 'node:crypto'
import { type EspoRecord, espoTime, listRow, numericOf } from './record.ts'

/** The entity types that it knows. */
const ENTITY_TYPES = ['Lead', 'Contact', 'Account', 'Email', 'Note']
/** Types whose records are checked against those that are there. */
const CHECKED = new Set(['Lead', 'Contact', 'Account'])

/** The records of the simulated CRM, and what it tells when they change. */
export class EspoDatabase {
  readonly #tables = new Map(ENTITY_TYPES.map((entityType) => [entityType, new Map<string, EspoRecord>()]))
  readonly #now: () => number
  readonly #tell: (event: string, item: Record<string, unknown>) => void
  /** Who has or had a number, by its digits, or an address. */
  readonly #holders = new Map<string, Set<EspoRecord>>()
  #count = 0

  constructor(now: () => number, tell: (event: string, item: Record<string, unknown>) => void) {
    this.#now = now
    this.#tell = tell
  }

  has(entityType: string): boolean {
    return this.#tables.has(entityType)
  }

  all(entityType: string): Iterable<EspoRecord> {
    return this.#tables.get(entityType)?.values() ?? []
  }

  /** The records that hold any of these, and perhaps others that did. */
  holders(entityType: string, { digits, emails }: { digits: readonly string[]; emails: readonly string[] }): Iterable<EspoRecord> {
    const found = new Set<EspoRecord>()
    for (const held of [...digits, ...emails]) for (const record of this.#holders.get(`${entityType}:${held}`) ?? []) found.add(record)
    return found
  }

  find(entityType: string, id: string): EspoRecord | undefined {
    const record = this.#tables.get(entityType)?.get(id)
    return record?.deleted ? undefined : record
  }

  isRemoved(entityType: string, id: string): boolean {
    return this.#tables.get(entityType)?.get(id)?.deleted === true
  }

  create(entityType: string, given: Record<string, unknown>): EspoRecord {
    const time = espoTime(this.#now())
    const { id = this.#newId(), ...attributes } = given
    const status = entityType === 'Lead' ? { status: 'New', createdContactId: null, createdAccountId: null } : {}
    const record: EspoRecord = {
      id: String(id),
      entityType,
      attributes: { ...status, createdAt: time, modifiedAt: time, ...plain(attributes) },
      ...addresses(attributes),
      deleted: false,
    }
    this.#tables.get(entityType)?.set(record.id, record)
    this.#hold(record)
    this.#tell(`${entityType}.create`, listRow(record))
    return record
  }

  update(entityType: string, id: string, given: Record<string, unknown>): EspoRecord | undefined {
    const record = this.find(entityType, id)
    if (!record) return undefined
    const modifiedAt = espoTime(this.#now())
    record.attributes = { ...record.attributes, modifiedAt, ...plain(given) }
    const { phoneNumbers, emailAddresses } = addresses(given)
    if (hasPhones(given)) record.phoneNumbers = phoneNumbers
    if (hasEmails(given)) record.emailAddresses = emailAddresses
    this.#hold(record)
    // Only what changed is told, and changed second numbers not at all.
    const told = Object.fromEntries(Object.entries(listRow(record)).filter(([name]) => name in given))
    this.#tell(`${entityType}.update`, { ...told, modifiedAt, id })
    return record
  }

  /** Removed records vanish from lists; only the webhook tells. */
  remove(entityType: string, id: string): void {
    const record = this.find(entityType, id)
    if (!record) return
    record.deleted = true
    this.#tell(`${entityType}.delete`, { id })
  }

  duplicatesOf(entityType: string, given: Record<string, unknown>): EspoRecord[] {
    if (!CHECKED.has(entityType)) return []
    const { phoneNumbers, emailAddresses } = addresses(given)
    const phones = new Set(phoneNumbers.map(({ phoneNumber }) => phoneNumber))
    const emails = new Set(emailAddresses.map(({ lower }) => lower))
    return [...this.all(entityType)].filter(
      (record) =>
        !record.deleted &&
        (record.phoneNumbers.some(({ phoneNumber }) => phones.has(phoneNumber)) ||
          record.emailAddresses.some(({ lower }) => emails.has(lower))),
    )
  }

  #hold(record: EspoRecord): void {
    const held = [
      ...record.phoneNumbers.map(({ phoneNumber }) => numericOf(phoneNumber)),
      ...record.emailAddresses.map(({ lower }) => lower),
    ]
    for (const text of held) {
      const key = `${record.entityType}:${text}`
      this.#holders.set(key, (this.#holders.get(key) ?? new Set()).add(record))
    }
  }

  newWebhookNames(): { id: string; secretKey: string } {
    return { id: this.#newId(), secretKey: randomBytes(16).toString('hex') }
  }

  /** 17 lower-case hexadecimal digits, rising with time, as PHP's uniqid makes them. */
  #newId(): string {
    this.#count += 1
    return (
      Math.floor(this.#now() / 1000)
        .toString(16)
        .padStart(8, '0') + this.#count.toString(16).padStart(9, '0')
    ).slice(0, 17)
  }
}

const PARTS = ['phoneNumber', 'phoneNumbers', 'phoneNumberData', 'emailAddress', 'emailAddresses', 'emailAddressData']

function plain(attributes: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !PARTS.includes(name)))
}

const hasPhones = (given: Record<string, unknown>) => 'phoneNumber' in given || 'phoneNumbers' in given || 'phoneNumberData' in given
const hasEmails = (given: Record<string, unknown>) => 'emailAddress' in given || 'emailAddresses' in given || 'emailAddressData' in given

/** In any of the ways they are given: one, several, or with their marks. */
function addresses(given: Record<string, unknown>): Pick<EspoRecord, 'phoneNumbers' | 'emailAddresses'> {
  const several = (list: unknown, one: unknown) => (Array.isArray(list) ? list : one ? [one] : []).map(String)
  const data = (list: unknown, part: string) =>
    Array.isArray(list) ? list.map((item) => String((item as Record<string, unknown>)[part])) : undefined
  const phones = data(given.phoneNumberData, 'phoneNumber') ?? several(given.phoneNumbers, given.phoneNumber)
  const emails = data(given.emailAddressData, 'emailAddress') ?? several(given.emailAddresses, given.emailAddress)
  const marks = (index: number) => ({ primary: index === 0, optOut: false, invalid: false })
  return {
    phoneNumbers: phones.map((phoneNumber, index) => ({ phoneNumber, type: 'Mobile', ...marks(index) })),
    emailAddresses: emails.map((emailAddress, index) => ({ emailAddress, lower: emailAddress.toLowerCase(), ...marks(index) })),
  }
}
