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
