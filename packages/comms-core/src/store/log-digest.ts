import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore, ReadAllOptions } from './event-store.ts'

/** What a log holds, in few characters: two logs with the same events in the same order have the same digest. */
export interface LogDigest {
  readonly events: number
  /** Hex. */
  readonly sha256: string
}

/** Events are hashed in groups of this size, each with the hash before it: Web Crypto hashes whole buffers only. Part of the format. */
const GROUP = 1000

/**
 * Adds events up to a digest over order, ids, streams, versions and content. Position and `recordedAt` are left out: they are the
 * store's own, and differ after a migration. The order of keys in an object does not count. An event that this release cannot read
 * counts as it is stored.
 */
export class LogDigester {
  #events = 0
  #group: string[] = []
  #hash = ''

  async add(event: RecordedEvent): Promise<void> {
    const { position: _, recordedAt: __, ...content } = asStored(event)
    this.#events += 1
    this.#group.push(canonicalJson(content))
    if (this.#group.length === GROUP) await this.#close()
  }

  async digest(): Promise<LogDigest> {
    if (this.#group.length > 0 || this.#events === 0) await this.#close()
    return { events: this.#events, sha256: this.#hash }
  }

  async #close(): Promise<void> {
    const bytes = new TextEncoder().encode([this.#hash, ...this.#group].join('\n'))
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    this.#hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
    this.#group = []
  }
}

/** The event as its store keeps it, with its place: what a newer release wrote is not changed by one that cannot read it. */
export function asStored(event: RecordedEvent): Record<string, unknown> {
  const stored = event.type === 'event.unreadable' ? event.data.stored : undefined
  if (typeof stored !== 'object' || stored === null) return { ...event }
  const { position, streamId, version, recordedAt } = event
  return { ...stored, position, streamId, version, recordedAt }
}

/** The digest of a whole log. */
export async function logDigest(store: EventStore, options: ReadAllOptions = {}): Promise<LogDigest> {
  const digester = new LogDigester()
  for await (const event of store.readAll(options)) await digester.add(event)
  return digester.digest()
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
}
