import type { CommsErrorCode } from '@pipe-comms/core'
import type { Field } from './write-parcel.ts'

/** A job is one append or one saved checkpoint: its number names it on both sides. */
export type ToWriter =
  | { readonly parcel: readonly Field[]; readonly recordedAt: string }
  | { readonly job: number; readonly checkpoint: CheckpointRow; readonly savedAt: string }
  /** The rest of a job will never come, and what came of it must leave no trace. */
  | { readonly drop: number }
  | 'close'

export interface CheckpointRow {
  readonly consumerId: string
  readonly position: string
}

export type FromWriter =
  | 'opened'
  | { readonly cannotOpen: Failure }
  /**
   * Where events will stand once their job is durable: told early, so that the answers are ready by then. With `again`, those told of
   * the job before are void.
   */
  | { readonly places: readonly Field[]; readonly again?: true }
  | { readonly durable: readonly number[] }
  | { readonly failed: readonly number[]; readonly failure: Failure }

export interface Failure {
  readonly code: CommsErrorCode
  readonly message: string
}
