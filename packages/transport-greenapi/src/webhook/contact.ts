import { z } from 'zod'
import { chatKeyOf } from '../chat-id.ts'
import { address, envelopeOf, fingerprint, id, type NotificationReader, present, reader, text, unixSeconds } from './notification.ts'

/**
 * The contact has blocked us: it wants no more from us, and nothing more would arrive. Required: who, that they did, and when, which tells
 * one block from the next. https://green-api.com/en/docs/api/receiving/notifications-format/IncomingBlock/
 */
export const incomingBlock: NotificationReader = reader(
  z.looseObject({ chatId: id, chatState: z.literal('blocked'), timestamp: unixSeconds }),
  ({ chatId, timestamp }, notification) => {
    const contact = address(chatId)
    return [
      {
        type: 'contact.opted_out',
        ...envelopeOf(notification, 'blocked', chatKeyOf(contact), String(timestamp)),
        direction: 'inbound',
        contact,
        data: { reason: 'blocked' },
      },
    ]
  },
)

/**
 * The picture of a contact, or why there is none. Required: whose, and when, which tells one from the next.
 * https://green-api.com/en/docs/api/receiving/notifications-format/AvatarInfo/
 */
export const avatarInfo: NotificationReader = reader(
  z.looseObject({ avatarInfo: z.looseObject({ chatId: id, urlAvatar: text, reason: text }), timestamp: unixSeconds }),
  ({ avatarInfo: { chatId, urlAvatar: avatarUrl, reason: description }, timestamp }, notification) => {
    const contact = address(chatId)
    return [
      {
        type: 'contact.observed',
        ...envelopeOf(notification, 'avatar', chatKeyOf(contact), fingerprint(timestamp, avatarUrl, description)),
        contact,
        data: present({ avatarUrl, description }),
      },
    ]
  },
)
