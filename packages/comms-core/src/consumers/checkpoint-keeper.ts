import type { Position } from '../events/recorded-event.ts'
import type { Clock } from '../runtime.ts'
import type { CheckpointStore } from './checkpoint-store.ts'

interface CheckpointKeeperOptions {
  readonly id: string
  readonly checkpoints: CheckpointStore
  readonly saveEvery: number
  readonly saveEveryMs: number
  readonly clock: Pick<Clock, 'now'>
}

/** Where one consumer stands, how much of that is durable, and when it is time to save. */
export class CheckpointKeeper {
  readonly #options: CheckpointKeeperOptions
  #position: Position | undefined
  #savedPosition: Position | undefined
  #failedSaves = 0
  #eventsSinceTry = 0
  #lastTryAt: number

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

  state(): { readonly position?: Position; readonly savedPosition?: Position } {
    return {
      ...(this.#position === undefined ? {} : { position: this.#position }),
      ...(this.#savedPosition === undefined ? {} : { savedPosition: this.#savedPosition }),
    }
  }

  async load(): Promise<void> {
    this.#position = await this.#options.checkpoints.load(this.#options.id)
    this.#savedPosition = this.#position
  }

  moveTo(position: Position): void {
    this.#position = position
    this.#eventsSinceTry += 1
  }

  /** Counted from the last try, so that a store that is away is not asked at every event. */
  isDue(): boolean {
    const { saveEvery, saveEveryMs, clock } = this.#options
    return this.#eventsSinceTry >= saveEvery || clock.now() - this.#lastTryAt >= saveEveryMs
  }

  /** Saves what is not saved yet. */
  async save(): Promise<void> {
    const position = this.#position
    if (position === undefined || position === this.#savedPosition) return
    this.#eventsSinceTry = 0
    this.#lastTryAt = this.#options.clock.now()
    this.#failedSaves += 1
    await this.#options.checkpoints.save(this.#options.id, position)
    this.#failedSaves = 0
    this.#savedPosition = position
  }
}
