import type { AddressMatcher, ContactAddress, Lead } from '@pipe-comms/core'
import { parseContactAddress, phoneNumbersIn } from '@pipe-comms/core'
import { listPage, PAGE_SIZE } from './api/list-records.ts'
import { readRecords } from './api/read-record.ts'
import type { CheckedOptions, EspoEntityType } from './options.ts'
import { bestMatch, type EspoRecord, heldBy, isWhole, leadOf, SELECT } from './record.ts'

interface Entry {
  readonly entityType: EspoEntityType
  readonly record: EspoRecord
}

interface Watching {
  readonly signal: AbortSignal
  readonly onChanged: (addresses: readonly ContactAddress[]) => void
}

/** Clocks and long transactions: a change may become visible this much after its time. */
const OVERLAP_MS = 60_000
/** Records that were removed show only in what is no longer listed. */
const WHOLE_SWEEP_EVERY = 288

/** The addresses of every record, in memory. */
export class LocalIndex {
  readonly #options: CheckedOptions
  readonly #matcher: AddressMatcher
  readonly #entries = new Map<string, Entry>()
  readonly #byKey = new Map<string, Set<string>>()
  readonly #sweptTo = new Map<EspoEntityType, string>()

  constructor(options: CheckedOptions, matcher: AddressMatcher) {
    this.#options = options
    this.#matcher = matcher
  }

  get size(): number {
    return this.#entries.size
  }

  /** The records that hold each of these, as far as they are known here. */
  find(addresses: readonly ContactAddress[]): Map<string, Lead[]> {
    const found = new Map<string, Lead[]>()
    for (const address of addresses) {
      const leads = [...(this.#byKey.get(this.#matcher.keyOfAddress(address)) ?? [])].flatMap((name) => {
        const entry = this.#entries.get(name)
        const match = entry && bestMatch(this.#matcher, entry.record, address)
        return entry && match ? [leadOf(entry.entityType, entry.record, match)] : []
      })
      if (leads.length > 0) found.set(address.value, leads)
    }
    return found
  }

  /** Reads all records, then what has changed, every `sweepMs`, until the signal ends it. */
  async watch(watching: Watching): Promise<void> {
    try {
      await this.#sweepOn(watching)
    } catch (error) {
      if (!watching.signal.aborted) throw error
    }
  }

  async #sweepOn({ signal, onChanged }: Watching): Promise<void> {
    for (let sweep = 0; !signal.aborted; sweep += 1) {
      for (const entityType of this.#options.entityTypes) {
        const whole = sweep % WHOLE_SWEEP_EVERY === 0
        onChanged(await this.#sweep(entityType, whole, signal))
      }
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer)
          resolve()
        }
        const timer = setTimeout(() => {
          signal.removeEventListener('abort', end)
          resolve()
        }, this.#options.sweepMs)
        signal.addEventListener('abort', end, { once: true })
        if (signal.aborted) end()
      })
    }
  }

  /** Takes a record as it is now, or as gone. The addresses whose records may be others now. */
  put(entityType: EspoEntityType, id: string, record: EspoRecord | undefined): ContactAddress[] {
    const name = `${entityType}:${id}`
    const before = this.#entries.get(name)
    const held = new Set([...(before ? heldBy(before.record) : []), ...(record ? heldBy(record) : [])])
    for (const key of this.#keysOf(before?.record)) this.#byKey.get(key)?.delete(name)
    this.#entries.delete(name)
    if (record) {
      this.#entries.set(name, { entityType, record })
      for (const key of this.#keysOf(record)) {
        const names = this.#byKey.get(key) ?? new Set()
        this.#byKey.set(key, names.add(name))
      }
    }
    return changedAddresses([...held], this.#options.defaultRegion)
  }

  #keysOf(record: EspoRecord | undefined): string[] {
    return record ? heldBy(record).flatMap((held) => this.#matcher.keysOf(held)) : []
  }

  /**
   * By time of change and not by page number, for pages shift while records are added. Of a page full of one second's records (an import)
   * the rest comes by offset within that second.
   */
  async #sweep(entityType: EspoEntityType, whole: boolean, signal: AbortSignal): Promise<ContactAddress[]> {
    const changed: ContactAddress[] = []
    const seen = new Set<string>()
    let from = whole ? '' : overlapped(this.#sweptTo.get(entityType) ?? '')
    for (let offset = 0; ; ) {
      const where = from === '' ? [] : [{ type: 'greaterThanOrEquals', attribute: 'modifiedAt', value: from }]
      const page = await listPage(this.#options, entityType, { where, select: SELECT, orderBy: 'modifiedAt', offset, signal })
      const fresh = page.filter(({ id }) => !seen.has(id))
      changed.push(...(await this.#take(entityType, fresh, signal)))
      for (const { id } of page) seen.add(id)
      const last = page.at(-1)?.modifiedAt ?? from
      if (last > (this.#sweptTo.get(entityType) ?? '')) this.#sweptTo.set(entityType, last)
      if (page.length < PAGE_SIZE) break
      offset = last === from ? offset + PAGE_SIZE : page.filter(({ modifiedAt }) => modifiedAt === last).length
      from = last
    }
    if (whole) {
      for (const { entityType: type, record } of [...this.#entries.values()]) {
        if (type === entityType && !seen.has(record.id)) changed.push(...this.put(type, record.id, undefined))
      }
    }
    return changed
  }

  async #take(entityType: EspoEntityType, rows: readonly EspoRecord[], signal: AbortSignal): Promise<ContactAddress[]> {
    const stale = rows.filter((row) => this.#entries.get(`${entityType}:${row.id}`)?.record.modifiedAt !== row.modifiedAt)
    const poor = stale.filter((row) => !isWhole(row))
    const whole = await readRecords(
      this.#options,
      entityType,
      poor.map(({ id }) => id),
      signal,
    )
    return stale.flatMap((row) => this.put(entityType, row.id, isWhole(row) ? row : whole.get(row.id)))
  }
}

/** As addresses of ours, every phone number of a text; text that is none is left out. */
export function changedAddresses(held: readonly string[], defaultRegion: string | undefined): ContactAddress[] {
  const reading = defaultRegion === undefined ? {} : { defaultRegion }
  return held.flatMap((text): ContactAddress[] => {
    if (!text.includes('@')) return phoneNumbersIn(text, reading).map((phone) => ({ kind: 'phone', value: phone.value, raw: phone.text }))
    try {
      return [parseContactAddress(text, reading)]
    } catch {
      return []
    }
  })
}

function overlapped(time: string): string {
  const at = Date.parse(`${time.replace(' ', 'T')}Z`)
  return Number.isNaN(at) ? '' : new Date(at - OVERLAP_MS).toISOString().slice(0, 19).replace('T', ' ')
}
