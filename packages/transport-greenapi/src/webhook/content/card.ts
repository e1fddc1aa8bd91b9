import { z } from 'zod'
import { boolean, id, isoOf, present, text, unixSeconds } from '../notification.ts'
import { type ContentReaders, content, forwardedOf, forwarding } from './reader.ts'
import { readText } from './text-code.ts'

const contact = z.looseObject({ displayName: text, vcard: text })

/** Places, contacts, polls, invitations and goods. https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/ */
export const CARDS: ContentReaders = {
  locationMessage: content(
    z.looseObject({
      locationMessageData: z.looseObject({
        latitude: z.number().min(-90).max(90),
        longitude: z.number().min(-180).max(180),
        nameLocation: text,
        address: text,
        ...forwarding,
      }),
    }),
    ({ locationMessageData: data }) => {
      const { latitude, longitude, nameLocation: name, address } = data
      return { location: { latitude, longitude, ...present({ name, address }) }, ...present({ forwarded: forwardedOf(data) }) }
    },
  ),

  contactMessage: content(
    z.looseObject({ contactMessageData: contact.extend(forwarding) }),
    ({ contactMessageData: { displayName, vcard, ...data } }) => ({
      contacts: [present({ displayName, vcard })],
      ...present({ forwarded: forwardedOf(data) }),
    }),
  ),

  // The key is `messageData` once more, not `contactsArrayMessageData`.
  contactsArrayMessage: content(
    z.looseObject({ messageData: z.looseObject({ contacts: z.array(contact), ...forwarding }) }),
    ({ messageData: data }) => ({
      contacts: data.contacts.map(({ displayName, vcard }) => present({ displayName, vcard })),
      ...present({ forwarded: forwardedOf(data) }),
    }),
  ),

  pollMessage: content(
    z.looseObject({
      pollMessageData: z.looseObject({
        name: z.string(),
        options: z.array(z.looseObject({ optionName: z.string() })),
        multipleAnswers: boolean,
      }),
    }),
    ({ pollMessageData: { name: question, options, multipleAnswers } }) => ({
      poll: { question, options: options.map(({ optionName }) => optionName), ...present({ multipleAnswers }) },
    }),
  ),

  pollUpdateMessage: content(
    z.looseObject({
      pollMessageData: z.looseObject({
        stanzaId: id,
        name: text,
        votes: z.array(z.looseObject({ optionName: z.string(), optionVoters: z.array(z.string()).nullish() })),
      }),
    }),
    ({ pollMessageData: { stanzaId, name: question, votes } }) => ({
      pollVote: {
        ofProviderMessageId: stanzaId,
        ...present({ question }),
        votes: votes.map(({ optionName, optionVoters }) => ({ option: optionName, voters: optionVoters ?? [] })),
      },
    }),
  ),

  groupInviteMessage: content(
    z.looseObject({
      groupInviteMessageData: z.looseObject({
        groupJid: id,
        inviteCode: text,
        inviteExpiration: z.unknown(),
        groupName: text,
        caption: text,
      }),
    }),
    ({ groupInviteMessageData: { groupJid: group, inviteCode: code, inviteExpiration, groupName: name, caption } }) => {
      const { text, flag } = readText(caption)
      const expiresAt = expiryOf(inviteExpiration)
      return {
        invite: { group, ...present({ code, name, expiresAt }) },
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
  const { typeMessage: _, quotedMessage: __, '': ___, ...goods } = messageData as Record<string, z.core.util.JSONType>
  return goods
}
