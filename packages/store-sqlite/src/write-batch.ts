import type { CommsErrorCode } from '@pipe-comms/core'
import type { EventRow } from './stored-event.ts'

/** What goes to the writer thread: one transaction. Mostly text, which costs least to hand over. */
export interface WriteBatch {
  readonly recordedAt: string
  readonly requests: readonly WriteRequest[]
  readonly checkpoints: readonly CheckpointRow[]
}

export interface WriteRequest {
  readonly streamId: string
  readonly expectedVersion: number | undefined
  readonly events: readonly EventRow[]
}

export interface CheckpointRow {
  readonly consumerId: string
  readonly position: string
}

/** What became of one request. */
export type WriteAnswer =
  | { readonly status: 'conflict'; readonly actualVersion: number }
  | {
      readonly status: 'recorded'
      readonly version: number
      readonly events: readonly { readonly event: EventPlace; readonly repeated: boolean }[]
    }

/** Where an event stands. `json` comes with one that was there before this batch; the others are still known to who sent them. */
export interface EventPlace {
  readonly row: number
  readonly version: number
  readonly json?: string
}

/** What comes back from the writer thread. */
export type WriterReply =
  | 'opened'
  | { readonly answers: readonly WriteAnswer[] }
  | { readonly failure: { readonly code: CommsErrorCode; readonly message: string } }
