import { type Comms, createComms, eventCache, type OutboxSettings } from '@pipe-comms/core'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'
import { smtpTransport } from '@pipe-comms/transport-smtp'
import { twilioTransport } from '@pipe-comms/transport-twilio'
import { quickTime } from './quick-time.ts'

/** What a process of the crash test of sending needs to know. Plain JSON. */
export interface SendingWorld {
  /** The log that all processes share. */
  readonly file: string
  readonly epoch: number
  readonly speed: number
  /** For how long an unknown outcome is looked into, in milliseconds of the quick time. */
  readonly patienceMs: number
  readonly greenApi: { readonly idInstance: string; readonly apiToken: string; readonly apiUrl: string }
  readonly twilio: { readonly accountSid: string; readonly authToken: string; readonly apiUrl: string }
  readonly smtp: { readonly port: number; readonly ca: string; readonly user: string; readonly password: string }
}

export const WEBHOOK_TOKEN = 'crash-test-token'
export const PUBLIC_URL = 'https://comms.example.com'
export const SMS_FROM = '+12025550100'
/** Of the real time, for which transports wait for an answer. */
const ANSWER_MS = 2_000

/** All three transports over one log. */
export async function openComms(world: SendingWorld, settings: OutboxSettings = {}): Promise<Comms> {
  const { clock, sleep } = quickTime(world.epoch, world.speed)
  const sqlite = await openSqliteEventStore({ file: world.file, clock, synchronous: 'normal' })
  return createComms({
    store: eventCache({ store: sqlite }),
    clock,
    sleep,
    outbox: { checkpoints: sqlite.checkpoints, reportUncertainAfterMs: world.patienceMs, ...settings },
    transports: [
      greenApiTransport({ ...world.greenApi, webhookToken: WEBHOOK_TOKEN, timeoutMs: ANSWER_MS, clock, sleep }),
      twilioTransport({ ...world.twilio, publicUrl: PUBLIC_URL, from: SMS_FROM, timeoutMs: ANSWER_MS, now: clock.now }),
      smtpTransport({
        ...world.smtp,
        host: '127.0.0.1',
        from: world.smtp.user,
        responseTimeoutMs: 3 * ANSWER_MS,
        connectTimeoutMs: ANSWER_MS,
        clock,
      }),
    ],
  })
}
