import type { AddressMatcher, ContactAddress, Lead } from '@pipe-comms/core'
import { listRecords, type Where } from './api/list-records.ts'
import { readRecords } from './api/read-record.ts'
import type { CheckedOptions, EspoEntityType } from './options.ts'
import type { OtherScripts } from './other-scripts.ts'
import { bestMatch, type EspoRecord, isWhole, leadOf, SELECT } from './record.ts'
import { whereHeld, whereInScripts, whereWithin } from './where-held.ts'

/** The query stands in the URL, and many servers take no more than 8 KB of it. */
const MOST_QUERY_CHARACTERS = 5_500

export interface LeadSearch {
  readonly options: CheckedOptions
  readonly matcher: AddressMatcher
  readonly scripts: OtherScripts
}

/**
 * Asks the CRM for the records of each type that hold these addresses: one list of each type for all of them, and a second one for what
 * the first cannot show.
 */
export async function findLeads(
  search: LeadSearch,
  addresses: readonly ContactAddress[],
  signal: AbortSignal,
): Promise<Map<string, Lead[]>> {
  const { options, matcher } = search
  const found = new Map<string, Lead[]>()
  const searchable = addresses.filter((address) => matcher.variants(address).length > 0)
  for (const part of parts(searchable, (some) => whereHeld(some, matcher, options))) {
    const types = options.entityTypes.map((entityType) => new TypeSearch(search, entityType, part, signal))
    await Promise.all(types.map((type) => type.first()))
    const lost = part.filter(({ kind, value }) => kind === 'phone' && !types.some((type) => type.found.has(value)))
    await Promise.all(types.map((type) => type.second(lost)))
    for (const type of types) for (const [value, leads] of type.found) found.set(value, [...(found.get(value) ?? []), ...leads])
  }
  return found
}

/** The search for some addresses among the records of one type. */
class TypeSearch {
  readonly found = new Map<string, Lead[]>()
  readonly #search: LeadSearch
  readonly #entityType: EspoEntityType
  readonly #addresses: readonly ContactAddress[]
  readonly #signal: AbortSignal
  /** Whether a row was seen that may have more numbers than it shows. */
  #shown = false

  constructor(search: LeadSearch, entityType: EspoEntityType, addresses: readonly ContactAddress[], signal: AbortSignal) {
    this.#search = search
    this.#entityType = entityType
    this.#addresses = addresses
    this.#signal = signal
  }

  /** A list shows the primary number alone, and a search finds a record by any of its numbers: a row that shows no address is read whole. */
  async first(): Promise<void> {
    const { matcher, options } = this.#search
    const rows = await this.#list(whereHeld(this.#addresses, matcher, options))
    this.#shown = rows.some((row) => !isWhole(row))
    await this.#readWhole(rows.filter((row) => !this.#take(row) && !isWhole(row)))
  }

  /**
   * What no row showed is searched on its own, because it may be the second number of a row that was taken for its first. `lost` are
   * numbers that no record of any type has in a field of their own: these may be in one with something else.
   */
  async second(lost: readonly ContactAddress[]): Promise<void> {
    const { matcher, options, scripts } = this.#search
    const open = this.#addresses.filter(({ value }) => !this.found.has(value))
    const isLost = new Set(lost)
    // One address alone was searched for alone already.
    const again = this.#shown && open.length < this.#addresses.length ? open.filter((address) => !isLost.has(address)) : []
    const inScripts = lost.length > 0 && (await scripts.areHeld(this.#entityType, this.#signal))
    const whereOf = (some: readonly ContactAddress[]): Where[] => {
      const within = some.filter((address) => isLost.has(address))
      const held = some.filter((address) => !isLost.has(address))
      return [...whereHeld(held, matcher, options), ...whereWithin(within, matcher), ...(inScripts ? whereInScripts(within, matcher) : [])]
    }
    for (const part of parts([...again, ...lost], whereOf)) {
      const rows = await this.#list(whereOf(part))
      for (const row of rows) this.#take(row)
      await this.#readWhole(rows.filter((row) => !isWhole(row)))
    }
  }

  #list(value: Where[]): Promise<EspoRecord[]> {
    return listRecords(this.#search.options, this.#entityType, { where: [{ type: 'or', value }], select: SELECT, signal: this.#signal })
  }

  async #readWhole(rows: readonly EspoRecord[]): Promise<void> {
    const ids = rows.map(({ id }) => id)
    const records = await readRecords(this.#search.options, this.#entityType, ids, this.#signal)
    for (const record of records.values()) if (record) this.#take(record)
  }

  /** Whether the record, as far as it is known, holds one of the addresses. */
  #take(record: EspoRecord): boolean {
    let fits = false
    for (const address of this.#addresses) {
      const match = bestMatch(this.#search.matcher, record, address)
      if (!match) continue
      fits = true
      const leads = this.found.get(address.value) ?? []
      if (!leads.some(({ id }) => id === record.id)) this.found.set(address.value, [...leads, leadOf(this.#entityType, record, match)])
    }
    return fits
  }
}

/** As many addresses together as a URL can hold. */
function* parts(
  addresses: readonly ContactAddress[],
  whereOf: (addresses: readonly ContactAddress[]) => Where[],
): Iterable<ContactAddress[]> {
  let part: ContactAddress[] = []
  for (const address of addresses) {
    const longer = [...part, address]
    if (part.length > 0 && encodeURIComponent(JSON.stringify(whereOf(longer))).length > MOST_QUERY_CHARACTERS) {
      yield part
      part = [address]
    } else part = longer
  }
  if (part.length > 0) yield part
}
