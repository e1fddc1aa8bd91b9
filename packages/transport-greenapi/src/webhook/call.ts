import type { MessageEventOf } from '@pipe-comms/core'
import { z } from 'zod'
import { chatKeyOf } from '../chat-id.ts'
import { address, addressIfAny, boolean, entryOf, envelopeOf, id, type NotificationReader, present, reader } from './notification.ts'

type CallStatus = MessageEventOf<'call.observed'>['data']['status']

/** Required: the other party, the call, and what became of it. */
const incomingSchema = z.looseObject({ from: id, idMessage: id, status: z.string().min(1) })

/** https://green-api.com/en/docs/api/receiving/notifications-format/IncomingCall/ */
const INCOMING: Readonly<Record<string, CallStatus>> = {
  offer: 'ringing',
  pickUp: 'taken',
  // Both spellings are published: we hung up, or the phone was set to "do not disturb".
  hangUp: 'rejected',
  hungUp: 'rejected',
  // The caller gave up.
  missed: 'missed',
  // Nobody took it until WhatsApp ended it; in newer releases also: the caller gave up.
  declined: 'missed',
}

const outgoingSchema = incomingSchema.extend({
  isVideo: boolean,
  duration: z.number().nonnegative().nullish(),
  participants: z.array(z.looseObject({ id: z.string() })).nullish(),
})

/** https://green-api.com/en/docs/api/receiving/notifications-format/OutgoingCall/ */
const OUTGOING: Readonly<Record<string, CallStatus>> = {
  pickUp: 'taken',
  // Nobody answered, or the number has no WhatsApp.
  hungUp: 'missed',
  hangUp: 'missed',
  invalid: 'invalid',
}

export const incomingCall: NotificationReader = reader(incomingSchema, (call, notification) => {
  const contact = address(call.from)
  return [
    {
      type: 'call.observed',
      ...envelopeOf(notification, 'call', chatKeyOf(contact), call.idMessage, call.status),
      direction: 'inbound',
      contact,
      providerMessageId: call.idMessage,
      data: { status: entryOf(INCOMING, call.status, 'status'), providerStatus: call.status },
    },
  ]
})

/** In a call of ours `from` is whom we called. */
export const outgoingCall: NotificationReader = reader(outgoingSchema, (call, notification) => {
  const contact = address(call.from)
  const participants = call.participants?.flatMap((participant) => addressIfAny(participant.id) ?? [])
  return [
    {
      type: 'call.observed',
      ...envelopeOf(notification, 'call', chatKeyOf(contact), call.idMessage, call.status),
      direction: 'outbound',
      contact,
      providerMessageId: call.idMessage,
      data: {
        status: entryOf(OUTGOING, call.status, 'status'),
        providerStatus: call.status,
        ...present({ video: call.isVideo, durationSeconds: call.duration ?? undefined, participants }),
      },
    },
  ]
})
