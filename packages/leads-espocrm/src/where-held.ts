import type { AddressMatcher, ContactAddress } from '@pipe-comms/core'
import type { Where } from './api/list-records.ts'
import type { CheckedOptions } from './options.ts'

/**
 * Filters for records that hold one of these addresses in a field of its own. Numbers are compared by their digits, all spellings at once,
 * for which EspoCRM has an index; `emailAddress` `in` compares with lower case, and canonical addresses are in lower case. An extension's
 * digits stand behind the number's own.
 */
export function whereHeld(
  addresses: readonly ContactAddress[],
  matcher: AddressMatcher,
  { phoneNumberExtensions }: CheckedOptions,
): Where[] {
  const digits = new Set<string>()
  const emails = new Set<string>()
  const extended: Where[] = []
  for (const address of addresses) {
    if (address.kind === 'email') for (const text of matcher.variants(address)) emails.add(text)
    else for (const text of matcher.variants(address)) digits.add(text.replace(/\D/g, ''))
    if (phoneNumberExtensions && address.kind === 'phone') {
      for (const text of matcher.variants(address)) extended.push({ type: 'startsWith', attribute: 'phoneNumber', value: `${text} ext` })
    }
  }
  const value: Where[] = [...extended]
  if (digits.size > 0) value.push({ type: 'in', attribute: 'phoneNumberNumeric', value: [...digits] })
  if (emails.size > 0) value.push({ type: 'in', attribute: 'emailAddress', value: [...emails] })
  return value
}

/**
 * Filters for records that hold one of these numbers beside other digits in a field: a second number, an extension, a label. EspoCRM has no index for
 * these, so ask only for what {@link whereHeld} does not find.
 */
export function whereWithin(addresses: readonly ContactAddress[], matcher: AddressMatcher): Where[] {
  const endings = addresses.flatMap((address) => matcher.endings(address))
  return endings.map((value) => ({ type: 'contains', attribute: 'phoneNumberNumeric', value }))
}

/** A filter for records that hold one of these numbers in the digits of another script, whatever is between these. */
export function whereInScripts(addresses: readonly ContactAddress[], matcher: AddressMatcher): Where[] {
  const endings = addresses.flatMap((address) => matcher.endings(address))
  const texts = endings.flatMap((ending) => ZEROS.map((zero) => `%${inScript(ending.slice(-4), zero).join('%')}%`))
  return texts.length === 0 ? [] : [withoutAsciiDigits(texts)]
}

/** A filter for records that hold any number in the digits of another script. */
export function whereOtherScripts(): Where[] {
  return [withoutAsciiDigits(ZEROS.flatMap((zero) => inScript('0123456789', zero).map((digit) => `%${digit}%`)))]
}

/** Arabic, Persian and Urdu, and full-width digits: those that people type numbers in. */
const ZEROS = [0x660, 0x6f0, 0xff10]

/** EspoCRM keeps ASCII digits alone in `phoneNumberNumeric`, so that it is empty here. It has an index, which keeps the rest of the search small. */
function withoutAsciiDigits(texts: readonly string[]): Where {
  return {
    type: 'and',
    value: [
      { type: 'equals', attribute: 'phoneNumberNumeric', value: '' },
      { type: 'or', value: texts.map((value): Where => ({ type: 'like', attribute: 'phoneNumber', value })) },
    ],
  }
}

function inScript(digits: string, zero: number): string[] {
  return [...digits].map((digit) => String.fromCodePoint(zero + Number(digit)))
}
