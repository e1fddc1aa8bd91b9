import { entryIn } from '../consumers/table.ts'
import { isCommsError } from '../errors.ts'
import { type AddressOptions, type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import type { LeadTiesState } from './lead-ties.ts'

/**
 * The contact that a text names: one of the log by its canonical value, such as `lid:100000000000001`, or any in a spelling that
 * {@link parseContactAddress} reads.
 * @throws CommsError `address_invalid`
 */
export function contactNamed(contact: string | ContactAddress, state: LeadTiesState, options: AddressOptions): ContactAddress {
  if (typeof contact !== 'string') return contact
  return entryIn(state.contacts, contact)?.address ?? parseContactAddress(contact, options)
}

/** The stream of `<channel>:<address in any spelling>`; nothing for a text that names none. */
export function streamNamed(text: string, options: AddressOptions): string | undefined {
  const [, channel, spelling] = /^([a-z][a-z0-9-]*):(.+)$/s.exec(text) ?? []
  if (channel === undefined || spelling === undefined) return undefined
  try {
    return `${channel}:${parseContactAddress(spelling, options).value}`
  } catch (error) {
    if (isCommsError(error, 'address_invalid')) return undefined
    throw error
  }
}
