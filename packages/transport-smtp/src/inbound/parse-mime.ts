import { type ParsedMail, simpleParser } from 'mailparser'
import { MAX_HTML_FOR_TEXT } from './mail-limits.ts'

/** What mailparser reads in a mail. It turns HTML without a text into one, but for HTML that would take it long: no text then. */
export async function parseMime(mail: Buffer): Promise<ParsedMail> {
  const parsed = await parse(mail)
  if (!parsed.text?.includes('\ufffd')) return parsed
  // mailparser reads a charset that it does not know as UTF-8. What is no UTF-8 is most likely windows-1252, as browsers have it.
  const raw = mail.toString('latin1')
  const renamed = raw.replace(CHARSET, (whole, before, name) => (isKnown(name) ? whole : `${before}windows-1252`))
  const other = renamed === raw ? parsed : await parse(Buffer.from(renamed, 'latin1'))
  return isMostlyUnreadable(other.text) ? await parse(Buffer.from(asWindows1252(renamed), 'latin1')) : other
}

const CHARSET = /(\bcharset\s{0,9}=\s{0,9}"?)([\w.:-]{1,99})/gi

/** No charset is given, or one that the text is not in. A few signs that cannot be read are in a text that was cut or copied. */
function isMostlyUnreadable(text = ''): boolean {
  const unreadable = text.split('\ufffd').length - 1
  return unreadable > 0 && unreadable * 2 > (text.match(/\P{ASCII}/gu)?.length ?? 0)
}

/** With its folded lines. */
const TEXT_TYPE = /^content-type:[ \t]*text\/(?:plain|html)[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*/gim

/** The mail with windows-1252 as the charset of every text in it. */
function asWindows1252(mail: string): string {
  const renamed = mail.replace(TEXT_TYPE, (type) => {
    const others = type.replace(/;\s{0,99}charset\s{0,9}=\s{0,9}("[^"]*"|[^\s;]*)/gi, '')
    return others.replace(/text\/(plain|html)/i, '$&; charset=windows-1252')
  })
  return renamed === mail ? `Content-Type: text/plain; charset=windows-1252\r\n${mail}` : renamed
}

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
