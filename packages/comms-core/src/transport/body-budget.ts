import { CommsError } from '../errors.ts'

/**
 * How many bytes of webhook bodies one process holds at once, from the first byte read until the webhook is answered. When they are too
 * many, the longest body that is still being read is dropped: a few large, slow requests never keep small ones out.
 */
export class BodyBudget {
  readonly #maxBytes: number
  readonly #reading = new Set<HeldBody>()
  #held = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get heldBytes(): number {
    return this.#held
  }

  /** Begins a body of no bytes. Call its `release` when the webhook is answered. */
  open(): HeldBody {
    const body: HeldBody = {
      bytes: 0,
      add: (bytes) => this.#add(body, bytes),
      finish: () => this.#reading.delete(body),
      release: () => {
        this.#reading.delete(body)
        this.#held -= body.bytes
        body.bytes = 0
      },
    }
    this.#reading.add(body)
    return body
  }

  #add(body: HeldBody, bytes: number): void {
    if (body.dropped) throw body.dropped
    body.bytes += bytes
    this.#held += bytes
    while (this.#held > this.#maxBytes) {
      const longest = this.#longestBeingRead()
      if (!longest) return
      this.#held -= longest.bytes
      longest.bytes = 0
      longest.dropped = this.#overloaded()
      this.#reading.delete(longest)
      longest.onDropped?.()
      if (longest === body) throw longest.dropped
    }
  }

  #longestBeingRead(): HeldBody | undefined {
    let longest: HeldBody | undefined
    for (const body of this.#reading) if (!longest || body.bytes > longest.bytes) longest = body
    return longest
  }

  #overloaded(): CommsError {
    return new CommsError('store_overloaded', `The webhooks under way hold more than ${this.#maxBytes} bytes of bodies`, {
      retryAfterMs: 5_000,
    })
  }
}

/** The share of one webhook in a {@link BodyBudget}. */
export interface HeldBody {
  bytes: number
  /** Why it was dropped, when it was. */
  dropped?: CommsError
  /** Ends a read that waits for more bytes. */
  onDropped?: () => void
  /** @throws CommsError `store_overloaded` when this body is dropped. */
  add(bytes: number): void
  /** The body is read: it is kept until it is released. */
  finish(): void
  release(): void
}
