import type { ContactAddress, EventFact } from '@pipe-comms/core'
import { z } from 'zod'
import { readText } from './content/text-code.ts'
import { addressIfAny, check, id, present, text } from './notification.ts'

/** Who changes a message, and where. */
export interface ChangeContext {
  readonly contact: ContactAddress
  readonly direction: 'inbound' | 'outbound'
  /** Which member, in a group. */
  readonly author?: ContactAddress
  readonly contactName?: string
}

type Told<Type extends EventFact['type']> = Pick<Extract<EventFact, { type: Type }>, 'type' | 'data'>

/** A change to an earlier message; `kind` goes into its key. */
type Change = { readonly kind: 'edited' | 'deleted' | 'reacted' } & (
  | Told<'message.edited'>
  | Told<'message.deleted'>
  | Told<'message.reacted'>
)

/** @throws CommsError `webhook_unparsable` */
type ChangeReader = (messageData: unknown, context: ChangeContext, unread: string[]) => Change

/** Where these data lie in the notification. */
const AT = 'messageData'
/** In the place of an emoji that cannot be read. */
const UNREADABLE = '\ufffd'

const written = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined)

const editedSchema = z.looseObject({ editedMessageData: z.looseObject({ stanzaId: id, textMessage: written, caption: written }) })

const deletedSchema = z.looseObject({ deletedMessageData: z.looseObject({ stanzaId: id }) })

/** Required of each: the message that is changed. */
const reactionSchema = z.looseObject({
  // Empty or missing when the reaction is taken back.
  extendedTextMessageData: z.looseObject({ text }).nullish(),
  quotedMessage: z.looseObject({ stanzaId: id, participant: text }),
})

/**
 * Every `typeMessage` that changes an earlier message. Each has an id of its own and names the earlier one by `stanzaId`.
 * https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/EditedMessage/
 */
export const CHANGES: Readonly<Record<string, ChangeReader>> = {
  editedMessage: (messageData, { author, contactName }, unread) => {
    const { stanzaId, textMessage, caption } = check(editedSchema, messageData, 'an editedMessage', unread, AT).editedMessageData
    return {
      kind: 'edited',
      type: 'message.edited',
      data: {
        // Nobody can edit what another wrote.
        target: { providerMessageId: stanzaId, ...present({ author }) },
        ...present({ text: readText(textMessage).text, caption: readText(caption).text, contactName }),
      },
    }
  },

  deletedMessage: (messageData, { contactName }, unread) => {
    const { stanzaId } = check(deletedSchema, messageData, 'a deletedMessage', unread, AT).deletedMessageData
    // Whoever runs a group can delete what others wrote, so the target's author is not known.
    return { kind: 'deleted', type: 'message.deleted', data: { target: { providerMessageId: stanzaId }, ...present({ contactName }) } }
  },

  reactionMessage: (messageData, { contact, author, contactName }, unread) => {
    const left: string[] = []
    const { extendedTextMessageData, quotedMessage } = check(reactionSchema, messageData, 'a reactionMessage', left, AT)
    unread.push(...left)
    // An empty one would say that the reaction was taken back.
    const emoji = left.some((note) => note.startsWith(`${AT}.extendedTextMessageData`)) ? UNREADABLE : (extendedTextMessageData?.text ?? '')
    const targetAuthor = contact.kind === 'group' ? addressIfAny(quotedMessage.participant) : undefined
    return {
      kind: 'reacted',
      type: 'message.reacted',
      data: {
        target: { providerMessageId: quotedMessage.stanzaId, ...present({ author: targetAuthor }) },
        emoji,
        ...present({ author, contactName }),
      },
    }
  },
}
