import { type ContactAddress, parseContactAddress } from '@pipe-comms/core'

/** An address as Twilio writes it, and the channel its prefix names: none is SMS. https://www.twilio.com/docs/messaging/channels */
export function readAddress(text: string): { channel: string; address: ContactAddress } {
  const [, prefix, bare = text] = /^([a-z]+):(.*)$/.exec(text) ?? []
  const channel = prefix ?? 'sms'
  // WhatsApp may withhold the number of a user who has a user name, and gives an id of the country and digits in its place.
  if (channel === 'whatsapp' && /^[A-Z]{2}\.\d{1,32}$/.test(bare)) {
    return { channel, address: { kind: 'lid', value: `lid:${bare}`, raw: text } }
  }
  return { channel, address: { ...parseContactAddress(bare), raw: text } }
}

/** An address that is told besides: one that cannot be read is left out, for it is no reason to lose the message. */
export function addressIfAny(text: string | undefined): ContactAddress | undefined {
  try {
    return text === undefined ? undefined : readAddress(text).address
  } catch {
    return undefined
  }
}
