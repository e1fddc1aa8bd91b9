import { messageIdOf, ownMessageId } from './message-id.ts'

/** What comes before our messageId, so that a token is known wherever it comes back: in an address or in a subject. */
const MARK = 'optout-'
const TOKEN = /optout-([a-z0-9!#$%&'*+/?^_`{|}~.=-]{1,400})/i
const ANY_DOMAIN = 'example.com'

/**
 * What the address of `List-Unsubscribe` holds for one message: our messageId, which nobody can guess, written so that it may stand in
 * the local part of an address. The log knows who the message was sent to.
 */
export function unsubscribeToken(messageId: string): string {
  return MARK + messageIdOf(messageId, ANY_DOMAIN).slice(0, -1 - ANY_DOMAIN.length)
}

/** The messageId of the token in an address or a subject, if there is one. */
export function messageIdOfToken(text: string): string | undefined {
  const [, local] = TOKEN.exec(text) ?? []
  return local === undefined ? undefined : ownMessageId(`${local}@${ANY_DOMAIN}`, ANY_DOMAIN)
}
