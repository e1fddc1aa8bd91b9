import { parseMime } from './parse-mime.ts'

/**
 * The text of an HTML. mailparser converts it with html-to-text, which it keeps from what takes html-to-text long, such as elements
 * nested thousands deep: nothing then, as for an HTML without words.
 */
export async function textOfHtml(html: string): Promise<string | undefined> {
  const mail = `Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(html).toString('base64')}`
  const { text } = await parseMime(Buffer.from(mail))
  return text?.trim() ? text : undefined
}
