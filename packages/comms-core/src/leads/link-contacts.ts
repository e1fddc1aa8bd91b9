import { type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import type { Lead } from './lead-directory.ts'

/**
 * The other addresses of the record that are this contact's too: the phone numbers of one found by its e-mail address, and the other way
 * round. A company's record is no person. Second numbers are not linked with each other: they may be the family's.
 */
export function linksOf(contact: ContactAddress, { kind, addresses = [] }: Lead): ContactAddress[] {
  if (kind === 'account') return []
  const links = new Map<string, ContactAddress>()
  for (const held of addresses) {
    const other = readWhole(held)
    if (other && other.kind !== contact.kind && (other.kind === 'phone' || other.kind === 'email')) links.set(other.value, other)
  }
  return [...links.values()]
}

function readWhole(held: string): ContactAddress | undefined {
  try {
    return parseContactAddress(held)
  } catch {
    return undefined
  }
}
