import { z } from 'zod'
import { boolean, id, isoOf, present, text, unixSeconds } from '../notification.ts'
import { type ContentReaders, content, forwardedOf, forwarding } from './reader.ts'
import { readText } from './text-code.ts'

const contact = z.looseObject({ displayName: text, vcard: text })

/** Places, contacts, polls, invitations and goods. https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/ */
export const CARDS: ContentReaders = {
  locationMessage: content(
    z.looseObject({
      locationMessageData: z
        .looseObject({
          latitude: z.number().min(-90).max(90).nullish(),
          longitude: z.number().min(-180).max(180).nullish(),
          nameLocation: text,
          address: text,
          ...forwarding,
        })
        .nullish(),
    }),
    ({ locationMessageData: data }) => {
      if (!data) return {}
      const { latitude, longitude, nameLocation: name, address } = data
      const words = present({ name, address })
      const place = latitude == null || longitude == null ? { extra: { place: words } } : { location: { latitude, longitude, ...words } }
      return { ...place, ...present({ forwarded: forwardedOf(data) }) }
    },
  ),

  contactMessage: content(z.looseObject({ contactMessageData: contact.extend(forwarding).nullish() }), ({ contactMessageData }) => {
    if (!contactMessageData) return {}
    const { displayName, vcard, ...data } = contactMessageData
    return { contacts: [present({ displayName, vcard })], ...present({ forwarded: forwardedOf(data) }) }
  }),

  // The key is `messageData` once more, not `contactsArrayMessageData`.
  contactsArrayMessage: content(
    z.looseObject({ messageData: z.looseObject({ contacts: z.array(contact).nullish(), ...forwarding }).nullish() }),
    ({ messageData: data }) =>
      data
        ? present({
            contacts: data.contacts?.map(({ displayName, vcard }) => present({ displayName, vcard })),
            forwarded: forwardedOf(data),
          })
        : {},
  ),

  pollMessage: content(
    z.looseObject({
      pollMessageData: z
        .looseObject({
          name: z.string().nullish(),
          options: z.array(z.looseObject({ optionName: z.string() })).nullish(),
          multipleAnswers: boolean,
        })
        .nullish(),
    }),
    ({ pollMessageData }) => {
      if (!pollMessageData) return {}
      const { name, options, multipleAnswers } = pollMessageData
      const titles = (options ?? []).map(({ optionName }) => optionName)
      return { poll: { question: name ?? '', options: titles, ...present({ multipleAnswers }) } }
    },
  ),

  pollUpdateMessage: content(
    z.looseObject({
      // Without the poll it is about, a vote says nothing.
      pollMessageData: z
        .looseObject({
          stanzaId: id,
          name: text,
          votes: z.array(z.looseObject({ optionName: z.string(), optionVoters: z.array(z.string()).nullish() })).nullish(),
        })
        .nullish(),
    }),
    ({ pollMessageData }) => {
      if (!pollMessageData) return {}
      const { stanzaId, name: question, votes } = pollMessageData
      const voters = (votes ?? []).map(({ optionName, optionVoters }) => ({ option: optionName, voters: optionVoters ?? [] }))
      return { pollVote: { ofProviderMessageId: stanzaId, ...present({ question }), votes: voters } }
    },
  ),

  groupInviteMessage: content(
    z.looseObject({
      groupInviteMessageData: z
        .looseObject({
          groupJid: id.nullish(),
          inviteCode: text,
          inviteExpiration: z.unknown(),
          groupName: text,
          caption: text,
        })
        .nullish(),
    }),
    ({ groupInviteMessageData: data }) => {
      if (!data) return {}
      const { groupJid: group, inviteCode: code, inviteExpiration, groupName: name, caption } = data
      const { text, flag } = readText(caption)
      const words = present({ code, name, expiresAt: expiryOf(inviteExpiration) })
      return {
        ...(group == null ? { extra: { invite: words } } : { invite: { group, ...words } }),
        ...present({ text, flags: flag === undefined ? undefined : [flag] }),
      }
    },
  ),

  // Named on the page of webhooks, but their payload is not: kept as it comes.
  orderMessage: content(z.looseObject({}), (data) => ({ order: goodsIn(data) })),
  productMessage: content(z.looseObject({}), (data) => ({ order: goodsIn(data) })),
}

/** Unix seconds as a number, as a text, or as the two halves of a protobuf Long: all three are published. */
function expiryOf(value: unknown): string | undefined {
  const { low, high } = Object(value) as { low?: unknown; high?: unknown }
  const long = typeof low === 'number' && typeof high === 'number' ? high * 2 ** 32 + (low >>> 0) : undefined
  const seconds = long ?? (typeof value === 'string' ? Number(value) : value)
  const { success, data } = unixSeconds.safeParse(seconds)
  return success ? isoOf(data) : undefined
}

function goodsIn(messageData: Record<string, unknown>): Record<string, z.core.util.JSONType> {
  const { typeMessage: _, quotedMessage: __, ...goods } = messageData as Record<string, z.core.util.JSONType>
  // Names that the schema of events does not take.
  return Object.fromEntries(Object.entries(goods).filter(([name]) => name.length > 0 && name.length <= 512))
}
