import { anyContactAddress, type ContactAddress } from '@pipe-comms/core'

/**
 * An address as Twilio writes it, and the channel its prefix names: none is SMS. One of no known form is of kind `other`.
 * https://www.twilio.com/docs/messaging/channels
 * @throws CommsError `address_invalid` for a blank one.
 */
export function readAddress(text: string): { channel: string; address: ContactAddress } {
  const [, channel = 'sms', bare = ''] = /^([a-z]+):(.*)$/s.exec(text) ?? []
  // Core knows the prefix of WhatsApp and what may stand behind it, such as the id of a user who hides the number.
  const known = channel === 'sms' || channel === 'whatsapp' || bare.trim() === '' ? text : bare
  return { channel, address: { ...anyContactAddress(known), raw: text.slice(0, MAX_LENGTH) } }
}

/** What the schema of events takes. */
const MAX_LENGTH = 512

/** The same for an address that is told besides, and may be missing. */
export function addressIfAny(text: string | undefined): ContactAddress | undefined {
  return text === undefined || text.trim() === '' ? undefined : readAddress(text).address
}
