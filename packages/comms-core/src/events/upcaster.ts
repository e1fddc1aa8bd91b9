import { CommsError } from '../errors.ts'
import { contactAddressSchema } from './contact-address.ts'
import type { MessageEvent } from './message-event.ts'

/** What a store reads back: an event of any schema version that was ever published. */
export type StoredEvent = Readonly<Record<string, unknown>>

/** Turns an event of one schema version into one of the next. Pure; must take every event of its version. */
export type UpcastStep = (event: StoredEvent) => StoredEvent

/** The schema version of today, the one that `createEvent` writes. */
export const CURRENT_SCHEMA_VERSION = 1

/**
 * Makes the function that brings stored events up to a schema version. `steps[n]` turns version n into n + 1; there is one for every
 * older version. An event of today's version comes back as the same object.
 */
export function createUpcaster(steps: Readonly<Record<number, UpcastStep>>, current: number): (stored: StoredEvent) => StoredEvent {
  return (stored) => {
    if (stored.schemaVersion === current) return stored
    let event = stored
    while (event.schemaVersion !== current) {
      const version = event.schemaVersion
      const step = typeof version === 'number' ? steps[version] : undefined
      if (!step) {
        throw new CommsError(
          'event_invalid',
          `Expected an event of schema version ${current} or older, got ${JSON.stringify(version) ?? 'none'}; a newer release wrote it?`,
        )
      }
      event = { ...step(event), schemaVersion: (version as number) + 1 }
    }
    return event
  }
}

const upcast = createUpcaster({}, CURRENT_SCHEMA_VERSION)

/**
 * The event as today's schema has it. Every store passes what it reads through here, so that a log written by any published release
 * reads as if it were written today.
 * @throws CommsError `event_invalid` for a version that this release does not know.
 */
export function upcastEvent<Event extends MessageEvent>(stored: StoredEvent): Event {
  return upcast(stored) as Event
}

const UNREADABLE = 'evt_00000000-0000-7000-8000-000000000000'

/**
 * The event at one place of the log, as {@link upcastEvent} gives it; for one that this release cannot read, an `event.unreadable` in
 * its place, so that one bad event never ends the reading of the others. For stores, when they read.
 */
export function readStoredEvent<Event extends MessageEvent>(stored: StoredEvent): Event {
  try {
    return upcastEvent<Event>(stored)
  } catch (error) {
    const { id, idempotencyKey, channel, provider, account, contact, occurredAt, position, streamId, version, recordedAt } = stored
    // A newer schema may have anything in these fields: only what is as today's readers expect it is passed on.
    const known = contactAddressSchema.safeParse(contact)
    return {
      id: textOr(id, UNREADABLE),
      type: 'event.unreadable',
      schemaVersion: CURRENT_SCHEMA_VERSION,
      idempotencyKey: textOr(idempotencyKey, `unreadable:${String(position)}`),
      channel: textOr(channel, 'unknown'),
      provider: textOr(provider, 'unknown'),
      ...(typeof account === 'string' ? { account } : {}),
      ...(known.success ? { contact: known.data } : {}),
      occurredAt: Number.isFinite(Date.parse(String(occurredAt))) ? occurredAt : recordedAt,
      occurredAtSource: 'receipt',
      position,
      streamId,
      version,
      recordedAt,
      data: { reason: error instanceof Error ? error.message : String(error), stored },
    } as unknown as Event
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise
}
