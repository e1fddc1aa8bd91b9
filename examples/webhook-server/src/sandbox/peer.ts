import type { Config } from '../config.ts'

/** Something a person can paste into a shell to see the server work. */
export interface Hint {
  readonly title: string
  readonly line: string
}

/** A simulated provider on loopback. */
export interface Peer {
  /** With the address and the credentials of the peer in it. */
  readonly config: Config
  /** What the start-up lines say of it. */
  readonly line: string
  readonly hints: readonly Hint[]
  /** What scripts need to look at it, by the name of the variable. */
  readonly variables?: Readonly<Record<string, string>>
  /** Tells it where the server listens. */
  connect?(serverUrl: string): void
  close(): Promise<void>
}
