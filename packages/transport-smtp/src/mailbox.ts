import { parseContactAddress } from '@pipe-comms/core'

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
  const bare = text.trim().replace(/^mailto:/i, '')
  try {
    const { kind, value } = parseContactAddress(bare)
    if (kind !== 'email') return undefined
    const domain = value.slice(value.lastIndexOf('@') + 1)
    return { address: `${bare.slice(0, bare.lastIndexOf('@'))}@${domain}`, value, domain }
  } catch {
    return undefined
  }
}
