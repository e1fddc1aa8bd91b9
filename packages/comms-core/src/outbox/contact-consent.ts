import { type ConsentState, consent, consentOf } from '../consumers/consent.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'

/** How far a contact's stream was read, and whether the contact may be written to. */
export interface ContactConsent {
  readonly version: number
  readonly optedOut: boolean
}

/** Of more contacts than this the stream is read from its beginning again. */
const MAX_REMEMBERED = 10_000

/** Who may be written to, as the contacts' streams say it. A stream is read once, and then only on: a long one makes no send slow. */
export class ConsentReader {
  readonly #store: EventStore
  readonly #known = new Map<string, { version: number; readonly state: ConsentState }>()

  constructor(store: EventStore) {
    this.#store = store
  }

  /** What this process has recorded needs no reading. */
  heard(event: RecordedEvent): void {
    const known = this.#known.get(event.streamId)
    if (known?.version !== event.version - 1) return
    consent.fold(known.state, event)
    known.version = event.version
  }

  /** As it was when the stream was last read or heard of; nothing for a stream that was not. Costs no reading. */
  remembered(streamId: string, channel: string): ContactConsent | undefined {
    const known = this.#known.get(streamId)
    return known && consentIn(known, streamId, channel)
  }

  /** As the stream is now. */
  async read(streamId: string, channel: string): Promise<ContactConsent> {
    const known = this.#known.get(streamId) ?? { version: 0, state: consent.initial() }
    this.#known.delete(streamId)
    this.#known.set(streamId, known)
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value as string)
    // Another reading of the same stream may be under way: entering a fact of consent twice changes nothing.
    for await (const event of this.#store.readStream(streamId, { fromVersion: known.version + 1 })) {
      consent.fold(known.state, event)
      known.version = Math.max(known.version, event.version)
    }
    return consentIn(known, streamId, channel)
  }
}

function consentIn({ version, state }: { version: number; state: ConsentState }, streamId: string, channel: string): ContactConsent {
  return { version, optedOut: consentOf(state, channel, streamId.slice(channel.length + 1)) === 'opted-out' }
}
