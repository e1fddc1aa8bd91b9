import { parseContactAddress } from '@pipe-comms/core'

export interface Vcard {
  /** Digits of an international number. */
  readonly phone?: string | undefined
  readonly firstName?: string
  readonly middleName?: string
  readonly lastName?: string
  readonly fullName?: string
  readonly company?: string
}

/** What a contact on WhatsApp is made of, out of a vCard. https://www.rfc-editor.org/rfc/rfc6350 */
export function readVcard(vcard: string): Vcard {
  const card: { -readonly [Name in keyof Vcard]: Vcard[Name] } = {}
  // A line that begins with white space goes on with the one before.
  for (const line of vcard.replace(/\r?\n[ \t]/g, '').split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const [name = '', ...parameters] = line.slice(0, colon).split(';')
    const value = line.slice(colon + 1)
    switch (name.replace(/^.*\./, '').toUpperCase()) {
      case 'TEL':
        card.phone ??= phoneIn(value, parameters)
        break
      case 'N': {
        const [last, first, middle] = value.split(/(?<!\\);/).map(unescaped)
        if (last) card.lastName = last
        if (first) card.firstName = first
        if (middle) card.middleName = middle
        break
      }
      case 'FN':
        card.fullName = unescaped(value)
        break
      case 'ORG':
        card.company = unescaped(value.split(/(?<!\\);/)[0] ?? '')
        break
    }
  }
  return card
}

/** WhatsApp writes its own id of the number as `waid`. */
function phoneIn(value: string, parameters: readonly string[]): string | undefined {
  const waid = parameters.find((parameter) => /^waid=\d{5,16}$/i.test(parameter))
  if (waid) return waid.slice('waid='.length)
  try {
    const { kind, value: number } = parseContactAddress(value)
    return kind === 'phone' ? number.slice(1) : undefined
  } catch {
    return undefined
  }
}

function unescaped(value: string): string {
  return value.replace(/\\([\\;,nN])/g, (_, sign) => (/n/i.test(sign) ? ' ' : sign)).trim()
}
