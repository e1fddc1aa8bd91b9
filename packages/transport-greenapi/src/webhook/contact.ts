import { z } from 'zod'
import { address, envelopeOf, fingerprint, id, type NotificationReader, present, reader, text, unixSeconds } from './notification.ts'

/**
 * The contact has blocked us: it wants no more from us, and nothing more would arrive.
 * https://green-api.com/en/docs/api/receiving/notifications-format/IncomingBlock/
 */
export const incomingBlock: NotificationReader = reader(
  z.looseObject({ chatId: id, chatState: z.literal('blocked'), timestamp: unixSeconds }),
  ({ chatId, timestamp }, notification) => [
    {
      type: 'contact.opted_out',
      ...envelopeOf(notification, 'blocked', chatId, String(timestamp)),
      direction: 'inbound',
      contact: address(chatId),
      data: { reason: 'blocked' },
    },
  ],
)

/** The picture of a contact, or why there is none. https://green-api.com/en/docs/api/receiving/notifications-format/AvatarInfo/ */
export const avatarInfo: NotificationReader = reader(
  z.looseObject({ avatarInfo: z.looseObject({ chatId: id, urlAvatar: text, reason: text }), timestamp: unixSeconds }),
  ({ avatarInfo: { chatId, urlAvatar: avatarUrl, reason: description }, timestamp }, notification) => [
    {
      type: 'contact.observed',
      ...envelopeOf(notification, 'avatar', chatId, fingerprint(timestamp, avatarUrl, description)),
      contact: address(chatId),
      data: present({ avatarUrl, description }),
    },
  ],
)
