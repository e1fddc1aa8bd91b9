import { isSupportedCountry } from 'libphonenumber-js/max'
import { textThat } from '../check-options.ts'

/** The country of national phone numbers, in capitals or not. */
export const regionOption = textThat(
  (code) => isSupportedCountry(code.toUpperCase()),
  'an ISO 3166 country code of two letters, such as FR',
)
