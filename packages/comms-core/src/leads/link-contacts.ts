import { type ContactAddress, parseContactAddress, phoneNumbersIn } from '../events/contact-address.ts'
import type { Lead } from './lead-directory.ts'

/**
 * The other addresses of the record that are this contact's too: the phone numbers of one found by its e-mail address, and the other way
 * round. A company's record is no person. Second numbers are not linked with each other: they may be the family's.
 */
export function linksOf(contact: ContactAddress, { kind, addresses = [] }: Lead): ContactAddress[] {
  if (kind === 'account') return []
  const links = new Map<string, ContactAddress>()
  for (const other of addresses.flatMap(readWhole)) {
    if (other.kind !== contact.kind) links.set(other.value, other)
  }
  return [...links.values()]
}

/** Without a region: national numbers are left out, because a link holds for the whole log. */
function readWhole(held: string): ContactAddress[] {
  if (!held.includes('@')) return phoneNumbersIn(held).map(({ text, value }) => ({ kind: 'phone', value, raw: text }))
  try {
    const address = parseContactAddress(held)
    return address.kind === 'email' ? [address] : []
  } catch {
    return []
  }
}
