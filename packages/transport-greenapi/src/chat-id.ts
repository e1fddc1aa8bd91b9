import type { ContactAddress } from '@pipe-comms/core'

/**
 * The chat id of an address: the one that wrote to us when there is one, otherwise made of the canonical address. Nothing for
 * addresses that WhatsApp does not know. https://green-api.com/en/docs/api/chat-id/
 */
export function chatIdOf({ kind, value, raw }: ContactAddress): string | undefined {
  if (/^[\d-]+@(c\.us|g\.us|lid)$/.test(raw)) return raw
  switch (kind) {
    case 'phone':
      return `${value.slice(1)}@c.us`
    case 'lid':
      return `${value.slice('lid:'.length)}@lid`
    case 'group':
      return `${value.slice('group:'.length)}@g.us`
    default:
      return undefined
  }
}

/**
 * The one spelling of a chat id that goes into keys: `33639980001@c.us` also for `33639980001:3@c.us` (one of their devices) and
 * `33639980001@s.whatsapp.net`. The digits stay as they are written, so that keys of a log that began earlier still match.
 */
export function chatKeyOf({ kind, value, raw }: ContactAddress): string {
  const at = raw.lastIndexOf('@')
  const user = (at < 0 ? raw : raw.slice(0, at)).split(':')[0] as string
  switch (kind) {
    case 'phone':
      // `33639980001.0:3@s.whatsapp.net` names an agent besides the device.
      return `${(user.split(/[._]/)[0] as string).replace(/\D/g, '')}@c.us`
    case 'lid':
      return `${value.slice('lid:'.length)}@lid`
    case 'group':
      return `${value.slice('group:'.length)}@g.us`
    default:
      return at < 0 ? raw : `${user}${raw.slice(at).toLowerCase()}`
  }
}
