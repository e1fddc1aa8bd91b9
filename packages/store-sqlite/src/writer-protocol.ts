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
  /** Jobs that are durable, and where their events stand: one message, for to wake a thread costs more than to place the events. */
  | { readonly durable: readonly number[]; readonly places: readonly Field[] }
  | { readonly failed: readonly number[]; readonly failure: Failure }

export interface Failure {
  readonly code: CommsErrorCode
  readonly message: string
}
