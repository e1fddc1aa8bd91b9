import { createHash } from 'node:crypto'
import { type ContactAddress, type EventFact, idempotencyKey } from '@pipe-comms/core'

/** What all facts of one mail share. */
export interface InboundContext {
  readonly account: string
  readonly endpoint: ContactAddress | undefined
  /** The domain of our Message-IDs. */
  readonly domain: string | undefined
  /** Where who wants off the list writes to: an address, or `address?subject=…`. */
  readonly mailto?: string | undefined
  /** The server whose Authentication-Results are believed. */
  readonly authservId: string | undefined
  /** The mail's Message-ID without angle brackets, or a digest of the mail when it has none. */
  readonly mailId: string
  readonly occurredAt: string | undefined
  readonly source: NonNullable<EventFact['source']>
}

const MAX_KEY = 512

/** A key of the fact, with a digest in place of parts that are too long together. */
export function factKey(account: string, kind: string, ...parts: readonly string[]): string {
  const whole = idempotencyKey('smtp', account, kind, ...parts)
  return whole.length <= MAX_KEY ? whole : idempotencyKey('smtp', account, kind, digest(whole))
}

export function digest(content: string | Uint8Array): string {
  return `sha256-${createHash('sha256').update(content).digest('hex')}`
}
