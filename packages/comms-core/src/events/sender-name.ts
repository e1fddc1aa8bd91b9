/** The letters of GSM 03.38 and the capitals of those; accents and Greek ones are few. */
const LETTERS = 'A-Za-z0-9ÄÖÑÜÅÆØßÇÉÈÙÌÒÀäöñüåæøçéèùìòàΔΦΓΛΩΠΨΣΘΞ'
/** Its other characters that fit on one line, an at sign left out: that would be an e-mail address or a chat id. */
const SIGNS = ' _!"#¤%&\'()*+,\\-./:;<=>?¡§¿£$¥€^{}\\\\[~\\]|'
const NAME = new RegExp(`^[${LETTERS}${SIGNS}]{1,11}$`)
const LETTER = /\p{L}/u

/**
 * The canonical spelling of an alphanumeric SMS sender: at most 11 characters of the GSM alphabet with a letter among them, in upper case,
 * because networks and providers change the case. https://www.etsi.org/deliver/etsi_ts/123000_123099/123038/ (GSM 03.38) and
 * https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
 */
export function readSenderName(text: string): string | undefined {
  const name = text.normalize('NFC').replace(/[\u2018\u2019]/g, "'")
  // A sharp s in upper case would be two letters.
  return NAME.test(name) && LETTER.test(name) ? name.replace(/[^ß]/gu, (sign) => sign.toUpperCase()) : undefined
}
