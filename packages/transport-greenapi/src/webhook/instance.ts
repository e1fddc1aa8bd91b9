import type { MessageEventOf } from '@pipe-comms/core'
import { z } from 'zod'
import { entryOf, envelopeOf, fingerprint, id, type NotificationReader, present, reader, text, unixSeconds } from './notification.ts'

type TransportState = MessageEventOf<'transport.state_changed'>['data']['state']

/** Notifications without an id: their time is what tells one from the next, so it is required beside the state. */
const timed = { timestamp: unixSeconds }

/** https://green-api.com/en/docs/api/receiving/notifications-format/StateInstanceChanged/ */
const STATES: Readonly<Record<string, TransportState>> = {
  authorized: 'ready',
  notAuthorized: 'logged-out',
  // Waits for the code or the password of a new login.
  pendingCode: 'logged-out',
  pendingPassword: 'logged-out',
  blocked: 'blocked',
  starting: 'starting',
  sleepMode: 'asleep',
  // The older name of the next.
  yellowCard: 'suspended',
  suspended: 'suspended',
}

export const stateInstanceChanged: NotificationReader = reader(
  z.looseObject({ stateInstance: z.string().min(1), ...timed }),
  ({ stateInstance, timestamp }, notification) => [
    {
      type: 'transport.state_changed',
      ...envelopeOf(notification, 'state', String(timestamp), stateInstance),
      data: { state: entryOf(STATES, stateInstance, 'stateInstance'), providerState: stateInstance },
    },
  ],
)

const CONNECTIONS: Readonly<Record<string, TransportState>> = { online: 'ready', offline: 'offline' }

/** Whether the phone is on the net. https://green-api.com/en/docs/api/receiving/notifications-format/StatusInstanceChanged/ */
export const statusInstanceChanged: NotificationReader = reader(
  z.looseObject({ statusInstance: z.string().min(1), ...timed }),
  ({ statusInstance, timestamp }, notification) => [
    {
      type: 'transport.state_changed',
      ...envelopeOf(notification, 'connection', String(timestamp), statusInstance),
      data: { state: entryOf(CONNECTIONS, statusInstance, 'statusInstance'), providerState: statusInstance },
    },
  ],
)

const amount = z
  .union([z.number(), z.string().regex(/^\d{1,15}$/)])
  .nullish()
  .transform((value) => (value == null ? undefined : Number(value)))

/**
 * A limit of the plan. It may come without a time: then the limit itself, with the chats that its description lists, is all that tells
 * one from the next. https://green-api.com/en/docs/api/receiving/notifications-format/QuotaExceeded/
 */
export const quotaExceeded: NotificationReader = reader(
  z.looseObject({
    timestamp: unixSeconds.nullish(),
    quotaData: z.looseObject({ method: id, used: amount, total: amount, status: text, description: text }),
  }),
  ({ timestamp, quotaData: { method, used, total: limit, status, description } }, notification) => [
    {
      type: 'transport.quota_reached',
      ...envelopeOf(notification, 'quota', method, fingerprint(timestamp, used, limit, status, description)),
      data: { quota: method, ...present({ used, limit, description }) },
    },
  ],
)
