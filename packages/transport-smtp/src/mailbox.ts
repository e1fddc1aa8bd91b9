import { anyContactAddress, type ContactAddress, parseContactAddress } from '@pipe-comms/core'

/** An e-mail address and the name before it. */
export interface Mailbox {
  readonly name: string
  /** As written, the domain in ASCII: fit for an envelope. */
  readonly address: string
  /** Canonical: lower case. */
  readonly value: string
  readonly domain: string
}

/** Reads `address` or `Name <address>`; nothing when it is neither or would break out of its header. */
export function readMailbox(text: string): Mailbox | undefined {
  const [, quoted = '', inner] = /^\s*("(?:[^"\\]|\\.)*"|[^<>"]*?)\s*<([^<>]*)>\s*$/.exec(text) ?? []
  const name = quoted.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1')
  if (/\p{Cc}/u.test(name)) return undefined
  const address = readAddress(inner ?? text)
  return address && { name, ...address }
}

/** A bare e-mail address, checked again wherever one comes from outside: a line break in it would make a recipient or a header of its own. */
export function readAddress(text: string): Omit<Mailbox, 'name'> | undefined {
  return addressOf(text.trim().replace(/^mailto:/i, ''), parseContactAddress)
}

/**
 * The address of somebody who is written to. One that only {@link anyContactAddress} takes is answered as well, because its owner wrote
 * from it: a local part of more than 64 characters, an underscore in the domain, a local part in quotes. In quotes nothing is taken that
 * a server could read as a second address or as the end of this one.
 */
export function readRecipient({ kind, raw, value }: ContactAddress): Omit<Mailbox, 'name'> | undefined {
  if (kind !== 'email') return undefined
  const strict = readAddress(raw) ?? readAddress(value)
  if (strict) return strict.value === value ? strict : undefined
  const local = value.slice(0, value.lastIndexOf('@'))
  if (local.startsWith('"') && !/^"[\w .!#$%&'*+/=?^`{|}~-]+"$/.test(local)) return undefined
  const bare = raw.trim()
  // Behind a name, or with quotes that are not needed, the canonical spelling is what can be sent.
  const isBare = bare.toLowerCase().startsWith(`${local}@`)
  const lenient = addressOf(isBare ? bare : value, anyContactAddress)
  return lenient?.value === value ? lenient : undefined
}

function addressOf(bare: string, read: (text: string) => ContactAddress): Omit<Mailbox, 'name'> | undefined {
  try {
    const { kind, value } = read(bare)
    if (kind !== 'email') return undefined
    const domain = value.slice(value.lastIndexOf('@') + 1)
    return { address: `${bare.slice(0, bare.lastIndexOf('@'))}@${domain}`, value, domain }
  } catch {
    return undefined
  }
}
