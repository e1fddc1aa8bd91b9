import { knownPhone } from './phone-number.ts'

type Kind = 'phone' | 'lid' | 'group' | 'broadcast' | 'other'

/** What the servers of WhatsApp ids stand for. `hosted` ones belong to businesses whose devices run at a provider. */
const SERVERS = new Map<string, Kind>([
  ['c.us', 'phone'],
  ['s.whatsapp.net', 'phone'],
  ['hosted', 'phone'],
  ['lid', 'lid'],
  ['hosted.lid', 'lid'],
  ['g.us', 'group'],
  ['broadcast', 'broadcast'],
  ['newsletter', 'broadcast'],
  ['bot', 'other'],
])

/** Whether a text that ends with this server is a WhatsApp id, readable or not, and no e-mail address. */
export function isWhatsAppServer(server: string): boolean {
  return SERVERS.has(server.toLowerCase())
}

/**
 * Reads `<user>[_<agent>][:<device>]@<server>` and `<user>[.<agent>][:<device>]@<server>`. Agent and device are left out: they name one
 * device of the same user. https://green-api.com/en/docs/api/chat-id/ and the parts in
 * https://github.com/WhiskeySockets/Baileys/blob/master/src/WABinary/jid-utils.ts and
 * https://github.com/tulir/whatsmeow/blob/main/types/jid.go
 */
export function readWhatsAppId(text: string, at: number): { kind: Kind; value: string } | undefined {
  const server = text.slice(at + 1).toLowerCase()
  const kind = SERVERS.get(server)
  const user = text.slice(0, at).replace(/:\d{1,5}$/, '')
  // Nothing but these characters may get into the name of a stream.
  if (kind === undefined || !/^\w[\w.-]{0,63}$/.test(user.replace(/^\+/, ''))) return undefined
  const person = user.replace(/[._]\d{1,5}$/, '')
  switch (kind) {
    case 'phone': {
      const digits = person.replace(/^\+/, '')
      // WhatsApp knows numbers that the numbering plans here do not list yet: digits from it are a phone number, listed or not.
      return /^\d{5,16}$/.test(digits) ? { kind, value: knownPhone(digits) } : undefined
    }
    case 'lid':
      return /^\d{1,32}$/.test(person) ? { kind, value: `lid:${person}` } : undefined
    case 'group':
      return /^\d{5,32}(-\d{1,32})?$/.test(user) ? { kind, value: `group:${user}` } : undefined
    case 'broadcast':
      return user.startsWith('+') ? undefined : { kind, value: `${server}:${user}` }
    case 'other':
      return { kind, value: `other:${encodeURIComponent(`${person}@${server}`)}` }
  }
}

/**
 * A WhatsApp user id that is given where a user hides the phone number: the country, a dot, `ENT.` for that of a business portfolio, and up
 * to 128 letters and digits. Letters keep their case: WhatsApp does not say that it does not matter, and two people taken for one are worse
 * than one taken for two. https://www.twilio.com/docs/whatsapp
 */
export function readUserId(text: string): { kind: 'lid'; value: string } | undefined {
  const id = /^([a-z]{2})\.(ent\.)?([a-z0-9]{1,128})$/i.exec(text)
  return id ? { kind: 'lid', value: `lid:${id[1]?.toUpperCase()}.${id[2] ? 'ENT.' : ''}${id[3]}` } : undefined
}
