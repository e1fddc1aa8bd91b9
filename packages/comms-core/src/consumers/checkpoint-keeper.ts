import type { Position } from '../events/recorded-event.ts'
import type { Clock } from '../runtime.ts'
import type { CheckpointStore } from './checkpoint-store.ts'

interface CheckpointKeeperOptions {
  readonly id: string
  readonly checkpoints: CheckpointStore
  readonly saveEvery: number
  readonly saveEveryMs: number
  readonly clock: Pick<Clock, 'now'>
  /** Something else has moved the checkpoint. Called once. */
  readonly onContested: (stored: Position | undefined) => Promise<void>
}

/** Where one consumer stands, how much of that is durable, and when it is time to save. */
export class CheckpointKeeper {
  readonly #options: CheckpointKeeperOptions
  #position: Position | undefined
  #savedPosition: Position | undefined
  /** What the store holds of ours: not what it held when another log's checkpoint was dropped. */
  #stored: Position | undefined
  #failedSaves = 0
  #eventsSinceTry = 0
  #lastTryAt: number
  #contested = false
  #abandoned = false

  constructor(options: CheckpointKeeperOptions) {
    this.#options = options
    this.#lastTryAt = options.clock.now()
  }

  get position(): Position | undefined {
    return this.#position
  }

  /** Saves that failed in a row. */
  get failedSaves(): number {
    return this.#failedSaves
  }

  state(): { readonly position?: Position; readonly savedPosition?: Position; readonly contested: boolean } {
    return {
      ...(this.#position === undefined ? {} : { position: this.#position }),
      ...(this.#savedPosition === undefined ? {} : { savedPosition: this.#savedPosition }),
      contested: this.#contested,
    }
  }

  async load(): Promise<void> {
    this.#position = await this.#options.checkpoints.load(this.#options.id)
    this.#savedPosition = this.#position
    this.#stored = this.#position
  }

  moveTo(position: Position): void {
    this.#position = position
    this.#eventsSinceTry += 1
  }

  /** The checkpoint is not of this log: the consumer reads from the beginning. Gives the position that was dropped. */
  restart(): Position | undefined {
    const dropped = this.#position
    this.#position = undefined
    this.#savedPosition = undefined
    return dropped
  }

  /** Saves nothing any more, for what is still at work after a stop that could not wait for it. */
  abandon(): void {
    this.#abandoned = true
  }

  /** Counted from the last try, so that a store that is away is not called at every event. */
  isDue(): boolean {
    const { saveEvery, saveEveryMs, clock } = this.#options
    return this.#eventsSinceTry >= saveEvery || clock.now() - this.#lastTryAt >= saveEveryMs
  }

  /** Saves what is not saved yet. */
  async save(): Promise<void> {
    const position = this.#position
    if (this.#abandoned || position === undefined || position === this.#savedPosition) return
    const { id, checkpoints, clock, onContested } = this.#options
    this.#eventsSinceTry = 0
    this.#lastTryAt = clock.now()
    this.#failedSaves += 1
    if (!this.#contested) {
      const stored = await checkpoints.load(id)
      if (!this.#isOurs(stored, position)) {
        this.#contested = true
        await onContested(stored)
      }
    }
    if (this.#abandoned) return
    await checkpoints.save(id, position)
    this.#failedSaves = 0
    this.#savedPosition = position
    this.#stored = position
  }

  /** Between the last save and now it is ours: a handler may write the position beside its effect, in one transaction. */
  #isOurs(stored: Position | undefined, position: Position): boolean {
    if (stored === this.#stored) return true
    return stored !== undefined && stored <= position && (this.#savedPosition === undefined || stored >= this.#savedPosition)
  }
}
