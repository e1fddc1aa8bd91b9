import { randomBytes } from 'node:crypto'
import type { GreenApiSettings } from './settings.ts'

export interface GreenApiSimulatorOptions {
  /** @default "7105000001" */
  readonly idInstance?: string
  /** @default made at random */
  readonly apiToken?: string
  /** The instance's own WhatsApp number, digits. @default "33639980010" */
  readonly number?: string
  /** On top of those of a new instance, which notifies of nothing. In effect at once. */
  readonly settings?: Partial<GreenApiSettings>
  /** @default "authorized" */
  readonly state?: string
  /**
   * How many times quicker than the real service its times pass: the 180 s a webhook may take, the 60 s pause before it is sent again,
   * the 24 h it is kept, the 2 minutes a journal is late, the 5 minutes settings take, the delay between messages, the long poll.
   * Rate limits stay as they are. @default 1
   */
  readonly speed?: number
  /** Whether more calls a second than the real service takes are answered with 429. @default true */
  readonly rateLimits?: boolean
  /** How many different people may be written to in a month; the free plan has 3. @default no limit */
  readonly correspondents?: number
  /** How many numbers may be checked with `checkWhatsapp` in a month; the free plan has 100. @default no limit */
  readonly checks?: number
  /** Numbers (digits) that have no WhatsApp: a message to one ends as `noAccount`. @default none */
  readonly withoutWhatsapp?: readonly string[]
  /** @default 0: any free port */
  readonly port?: number
  /** Sends the webhooks. @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
  /** @default the system's clock */
  readonly clock?: { now(): number }
  /** Makes the ids of messages. @default 16 random hexadecimal digits */
  readonly newId?: () => string
}

export type Complete = Required<Omit<GreenApiSimulatorOptions, 'settings'>> & Pick<GreenApiSimulatorOptions, 'settings'>

export function completeOptions(options: GreenApiSimulatorOptions): Complete {
  return {
    idInstance: '7105000001',
    apiToken: randomBytes(25).toString('hex'),
    number: '33639980010',
    state: 'authorized',
    speed: 1,
    rateLimits: true,
    correspondents: Number.POSITIVE_INFINITY,
    checks: Number.POSITIVE_INFINITY,
    withoutWhatsapp: [],
    port: 0,
    fetch: (...call) => globalThis.fetch(...call),
    clock: { now: () => Date.now() },
    newId: () => `BAE5${randomBytes(6).toString('hex').toUpperCase()}`,
    ...options,
  }
}
