import { type ParsedMail, simpleParser } from 'mailparser'
import { MAX_HTML_FOR_TEXT } from './mail-limits.ts'

/** What mailparser reads in a mail. It turns HTML without a text into one, but for HTML that would take it long: no text then. */
export function parseMime(mail: Buffer | string): Promise<ParsedMail> {
  return simpleParser(mail, { skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true, maxHtmlLengthToParse: MAX_HTML_FOR_TEXT })
}
