import type { AddressMatcher, ContactAddress, Lead } from '@pipe-comms/core'
import { listRecords, type Where } from './api/list-records.ts'
import { readRecords } from './api/read-record.ts'
import type { CheckedOptions, EspoEntityType } from './options.ts'
import { bestMatch, type EspoRecord, isWhole, leadOf, SELECT } from './record.ts'

/** The query stands in the URL, and many servers take no more than 8 KB of it. */
const MOST_QUERY_CHARACTERS = 5_000

/** Asks the CRM for the records of each type that hold these addresses. */
export async function findLeads(
  options: CheckedOptions,
  matcher: AddressMatcher,
  addresses: readonly ContactAddress[],
  signal: AbortSignal,
): Promise<Map<string, Lead[]>> {
  const found = new Map<string, Lead[]>()
  const searchable = addresses.filter((address) => matcher.variants(address).length > 0)
  for (const part of parts(searchable, matcher)) {
    const answers = await Promise.all(options.entityTypes.map((entityType) => findOfType(options, matcher, entityType, part, signal)))
    for (const answer of answers) for (const [value, leads] of answer) found.set(value, [...(found.get(value) ?? []), ...leads])
  }
  return found
}

/**
 * A list shows the primary number alone, and a search finds a record by any of its numbers. So a row that shows an address proves it; any
 * other row is read whole; and what no row shows is searched once more on its own, for it may be the second number of a row that was
 * taken for its first.
 */
async function findOfType(
  options: CheckedOptions,
  matcher: AddressMatcher,
  entityType: EspoEntityType,
  addresses: readonly ContactAddress[],
  signal: AbortSignal,
): Promise<Map<string, Lead[]>> {
  const found = new Map<string, Lead[]>()
  const take = (record: EspoRecord, among: readonly ContactAddress[]): boolean => {
    let fits = false
    for (const address of among) {
      const match = bestMatch(matcher, record, address)
      if (!match) continue
      fits = true
      const leads = found.get(address.value) ?? []
      if (!leads.some(({ id }) => id === record.id)) found.set(address.value, [...leads, leadOf(entityType, record, match)])
    }
    return fits
  }
  const search = (among: readonly ContactAddress[]) =>
    listRecords(options, entityType, { where: [whereHeld(among, matcher, options)], select: SELECT, signal })
  const readWhole = async (rows: readonly EspoRecord[], among: readonly ContactAddress[]) => {
    const records = await readRecords(
      options,
      entityType,
      rows.map(({ id }) => id),
      signal,
    )
    for (const record of records.values()) if (record) take(record, among)
  }

  const rows = await search(addresses)
  await readWhole(
    rows.filter((row) => !take(row, addresses) && !isWhole(row)),
    addresses,
  )
  const open = addresses.filter(({ value }) => !found.has(value))
  const shown = rows.filter((row) => !isWhole(row))
  // One address alone was searched for alone already.
  if (open.length > 0 && open.length < addresses.length && shown.length > 0) {
    await readWhole(await search(open), open)
  }
  return found
}

/**
 * Numbers are compared by their digits, all spellings at once; `emailAddress` `in` compares with lower case, and canonical addresses are
 * in lower case. An extension's digits stand behind the number's own.
 */
function whereHeld(addresses: readonly ContactAddress[], matcher: AddressMatcher, { phoneNumberExtensions }: CheckedOptions): Where {
  const digits = new Set<string>()
  const emails = new Set<string>()
  const extended: Where[] = []
  for (const address of addresses) {
    if (address.kind === 'email') for (const text of matcher.variants(address)) emails.add(text)
    else for (const text of matcher.variants(address)) digits.add(text.replace(/\D/g, ''))
    if (phoneNumberExtensions && address.kind === 'phone') {
      for (const text of matcher.variants(address)) extended.push({ type: 'startsWith', attribute: 'phoneNumber', value: `${text} ext` })
    }
  }
  const value: Where[] = [...extended]
  if (digits.size > 0) value.push({ type: 'in', attribute: 'phoneNumberNumeric', value: [...digits] })
  if (emails.size > 0) value.push({ type: 'in', attribute: 'emailAddress', value: [...emails] })
  return { type: 'or', value }
}

/** As many addresses together as a URL can hold. */
function* parts(addresses: readonly ContactAddress[], matcher: AddressMatcher): Iterable<ContactAddress[]> {
  let part: ContactAddress[] = []
  let size = 0
  for (const address of addresses) {
    const own = new Set(matcher.variants(address).map((text) => (address.kind === 'email' ? text : text.replace(/\D/g, ''))))
    // Quotes and commas are three characters each in a URL.
    const characters = [...own].reduce((sum, text) => sum + encodeURIComponent(text).length + 9, 0)
    if (part.length > 0 && size + characters > MOST_QUERY_CHARACTERS) {
      yield part
      part = []
      size = 0
    }
    part.push(address)
    size += characters
  }
  if (part.length > 0) yield part
}
