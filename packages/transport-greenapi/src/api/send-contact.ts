import { type Draft, rejected, type SendCall } from './draft.ts'
import { readVcard } from './vcard.ts'

/** https://green-api.com/en/docs/api/sending/SendContact/ */
export function sendContact({ content: { contacts = [] }, common }: Draft): SendCall {
  const [card, ...others] = contacts
  if (!card || others.length > 0) throw rejected(`a WhatsApp message holds one contact, got ${contacts.length}`)
  const { phone, firstName, middleName, lastName, company, fullName } = readVcard(card.vcard ?? '')
  if (!phone) throw rejected('expected a contact whose vcard has an international phone number')
  const named = firstName || lastName ? { firstName, middleName, lastName } : { firstName: card.displayName || fullName }
  const filled = Object.entries({ ...named, company }).filter(([, value]) => value)
  return { method: 'sendContact', body: { ...common, contact: { phoneContact: Number(phone), ...Object.fromEntries(filled) } } }
}
