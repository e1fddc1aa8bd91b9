import type { MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'

type Request = MessageEventOf<'message.requested'> & RecordedEvent

/** About as many bytes of memory, or twice as many. */
const MAX_CHARACTERS = 8_000_000
/** What a request holds besides its data. */
const ENVELOPE_CHARACTERS = 1_000

/**
 * Requests that were just read, until their first attempt: most messages are sent at once, and then need no looking up in the log. Of a
 * long line the front is kept, for it is sent first.
 */
export class RequestsAtHand {
  readonly #requests = new Map<string, { readonly request: Request; readonly characters: number }>()
  #characters = 0

  /** Keeps a request, if there is room. */
  keep(request: Request): void {
    const characters = ENVELOPE_CHARACTERS + JSON.stringify(request.data).length
    if (this.#characters + characters > MAX_CHARACTERS || this.#requests.has(request.messageId)) return
    this.#requests.set(request.messageId, { request, characters })
    this.#characters += characters
  }

  /** Hands a request out and keeps it no longer. */
  take(messageId: string): Request | undefined {
    const kept = this.#requests.get(messageId)
    if (!kept) return undefined
    this.#requests.delete(messageId)
    this.#characters -= kept.characters
    return kept.request
  }
}
