import { type ParsedMail, simpleParser } from 'mailparser'
import { MAX_HTML_FOR_TEXT } from './mail-limits.ts'

/** What mailparser reads in a mail. It turns HTML without a text into one, but for HTML that would take it long: no text then. */
export async function parseMime(mail: Buffer): Promise<ParsedMail> {
  const parsed = await parse(mail)
  if (!parsed.text?.includes('\ufffd')) return parsed
  // mailparser reads a charset that it does not know as UTF-8. What is no UTF-8 is most likely windows-1252, as browsers have it.
  const renamed = mail.toString('latin1').replace(CHARSET, (whole, before, name) => (isKnown(name) ? whole : `${before}windows-1252`))
  const other = Buffer.from(renamed, 'latin1')
  return other.equals(mail) ? parsed : await parse(other)
}

const CHARSET = /(\bcharset\s{0,9}=\s{0,9}"?)([\w.:-]{1,99})/gi

function isKnown(charset: string): boolean {
  try {
    new TextDecoder(charset)
    return true
  } catch {
    return false
  }
}

function parse(mail: Buffer): Promise<ParsedMail> {
  return simpleParser(mail, { skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true, maxHtmlLengthToParse: MAX_HTML_FOR_TEXT })
}
