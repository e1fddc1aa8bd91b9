import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { boolean, check } from '../notification.ts'

/** Turns the `messageData` of one `typeMessage` into what it says. @throws CommsError `webhook_unparsable` */
type ContentReader = (messageData: { readonly typeMessage: string }) => MessageContent

/** Readers by `typeMessage`. */
export type ContentReaders = Readonly<Record<string, ContentReader>>

/** A reader of the `messageData` that keep `schema`; fields that it does not name are let pass. */
export function content<Schema extends z.ZodType>(schema: Schema, read: (data: z.output<Schema>) => MessageContent): ContentReader {
  return (messageData) => read(check(schema, messageData, `a ${messageData.typeMessage}`))
}

/** How often a message was passed on; in most kinds of message. */
export const forwarding = { forwardingScore: z.number().int().nonnegative().nullish().catch(undefined), isForwarded: boolean }

export function forwardedOf({ forwardingScore, isForwarded }: z.output<z.ZodObject<typeof forwarding>>): MessageContent['forwarded'] {
  const score = forwardingScore ?? 0
  return isForwarded || score > 0 ? { score } : undefined
}
