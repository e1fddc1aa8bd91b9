import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { CURRENT_SCHEMA_VERSION, readStoredEvent, type StoredEvent } from '../events/upcaster.ts'
import type { Logger } from '../runtime.ts'

/** What a store knows of a place in its log without reading the event there. */
export interface KnownPlace {
  readonly idempotencyKey?: string | undefined
  readonly streamId?: string | undefined
  readonly version?: number | undefined
  readonly recordedAt?: string | undefined
  readonly occurredAt?: string | undefined
}

const NO_ID = 'evt_00000000-0000-7000-8000-000000000000'
const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z'
/** Further ones are not logged: a damaged disk would fill the log of the server. */
const MOST_REPORTED = 100

/**
 * For stores: reads what is stored at one place of the log. What this release cannot read (a newer schema, damage) comes back as an
 * `event.unreadable` in its place and is logged once, so that one bad event never ends the reading of the others.
 */
export class UnreadableEvents {
  readonly #log: string
  readonly #logger: Logger
  readonly #reported = new Set<Position>()

  /** `log`: how messages name the log, such as its file. */
  constructor(log: string, logger: Logger) {
    this.#log = log
    this.#logger = logger
  }

  /** The event at a position, as today's schema has it. `known` is called only when the event cannot be read. */
  read(stored: unknown, position: Position, known?: () => KnownPlace): RecordedEvent {
    if (!isRecorded(stored)) return this.damaged(stored, position, known?.(), 'it is not an event that was recorded')
    const event = readStoredEvent<RecordedEvent>(stored) as RecordedEvent & { position: Position }
    event.position = position
    if (event.type === 'event.unreadable') this.#report(event, (event.data as { reason: string }).reason)
    return event
  }

  /** The `event.unreadable` for stored data that is not an event. */
  damaged(stored: unknown, position: Position, known: KnownPlace | undefined, reason: string): RecordedEvent {
    const found = textsIn(isObject(stored) ? stored : {})
    const recordedAt = known?.recordedAt ?? found.recordedAt ?? UNKNOWN_TIME
    const event = {
      id: NO_ID,
      type: 'event.unreadable',
      schemaVersion: CURRENT_SCHEMA_VERSION,
      idempotencyKey: known?.idempotencyKey ?? found.idempotencyKey ?? `unreadable:${position}`,
      channel: 'unknown',
      provider: 'unknown',
      occurredAt: known?.occurredAt ?? found.occurredAt ?? recordedAt,
      occurredAtSource: 'receipt',
      position,
      streamId: known?.streamId ?? found.streamId ?? 'unknown',
      version: known?.version ?? versionIn(stored),
      recordedAt,
      data: { reason: `${reason}: it was damaged from outside; restore it from a backup`, stored },
    } as unknown as RecordedEvent
    this.#report(event, (event.data as { reason: string }).reason)
    return event
  }

  /** The store has logged this place in its own words. */
  reported(position: Position): void {
    this.#reported.add(position)
  }

  #report({ position, streamId, version }: RecordedEvent, reason: string): void {
    if (this.#reported.has(position) || this.#reported.size > MOST_REPORTED) return
    this.#reported.add(position)
    const more = this.#reported.size > MOST_REPORTED ? '; more are not reported' : ''
    this.#logger.error(`${this.#log}: the event at ${position} cannot be read: ${reason}. All others are read${more}`, {
      position,
      streamId,
      version,
    })
  }
}

/** Whether the fields are there that every recorded event has, of whatever schema version. */
function isRecorded(stored: unknown): stored is StoredEvent {
  if (!isObject(stored)) return false
  return (
    typeof stored.id === 'string' &&
    typeof stored.type === 'string' &&
    typeof stored.idempotencyKey === 'string' &&
    typeof stored.channel === 'string' &&
    typeof stored.occurredAt === 'string' &&
    typeof stored.streamId === 'string' &&
    typeof stored.recordedAt === 'string' &&
    typeof stored.version === 'number' &&
    typeof stored.data === 'object' &&
    stored.data !== null
  )
}

function isObject(value: unknown): value is StoredEvent {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textsIn(stored: StoredEvent): Readonly<Record<'idempotencyKey' | 'streamId' | 'recordedAt' | 'occurredAt', string | undefined>> {
  const text = (name: string) => (typeof stored[name] === 'string' ? stored[name] : undefined)
  return {
    idempotencyKey: text('idempotencyKey'),
    streamId: text('streamId'),
    recordedAt: text('recordedAt'),
    occurredAt: text('occurredAt'),
  }
}

function versionIn(stored: unknown): number {
  return isObject(stored) && typeof stored.version === 'number' ? stored.version : 0
}
