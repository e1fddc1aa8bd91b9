import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { boolean, check } from '../notification.ts'

/** Turns the `messageData` of one `typeMessage` into what it says. @throws CommsError `webhook_unparsable` */
type ContentReader = (messageData: { readonly typeMessage: string }, unread: string[]) => MessageContent

/** Readers by `typeMessage`. */
export type ContentReaders = Readonly<Record<string, ContentReader>>

/**
 * A reader of one kind of `messageData`. No part of it is required: that a message came is a fact whatever it says, and one of which
 * nothing can be read is flagged `unreadable`.
 */
export function content<Schema extends z.ZodType>(schema: Schema, read: (data: z.output<Schema>) => MessageContent): ContentReader {
  return (messageData, unread) => {
    const found = read(check(schema, messageData, `a ${messageData.typeMessage}`, unread, 'messageData'))
    return isReadable(found) ? found : { ...found, flags: [...(found.flags ?? []), 'unreadable'] }
  }
}

/** Parts that say what the message is about. A flag of a code does so too. */
const SUBSTANCE = ['text', 'media', 'location', 'contacts', 'poll', 'pollVote', 'buttons', 'list', 'reply', 'invite', 'order'] as const

function isReadable(content: MessageContent): boolean {
  return SUBSTANCE.some((part) => content[part] !== undefined) || (content.flags ?? []).some((flag) => flag !== TEMPLATE)
}

/** Flag of a text that was made of a template. */
export const TEMPLATE = 'template'

/** How often a message was passed on; in most kinds of message. */
export const forwarding = { forwardingScore: z.number().int().nonnegative().nullish(), isForwarded: boolean }

export function forwardedOf({
  forwardingScore,
  isForwarded,
}: Partial<z.output<z.ZodObject<typeof forwarding>>>): MessageContent['forwarded'] {
  const score = forwardingScore ?? 0
  return isForwarded || score > 0 ? { score } : undefined
}
