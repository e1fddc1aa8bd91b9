import { CommsError, type OutboundMessage } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'
import { unsubscribeToken } from '../unsubscribe-token.ts'

/**
 * How the recipient gets off the list: exactly one `List-Unsubscribe`, and the one-click header when there is an HTTPS address. nodemailer's
 * own `list` writes one header a value and cannot write the other. https://www.rfc-editor.org/rfc/rfc8058#section-3.1
 * @throws CommsError `configuration_invalid`
 */
export function unsubscribeHeaders(options: CheckedOptions, message: OutboundMessage): Record<string, { prepared: true; value: string }> {
  const given = typeof options.unsubscribe === 'function' ? options.unsubscribe(message) : options.unsubscribe
  if (!given) return {}
  const token = unsubscribeToken(message.messageId)
  const url = given.url === undefined ? undefined : httpsUrl(withToken(given.url, token))
  const mailto = given.mailto === undefined ? undefined : mailtoUrl(mailtoWithToken(given.mailto, token))
  const targets = [url, mailto].filter((target) => target !== undefined)
  if (targets.length === 0) throw invalid('expected a url or a mailto')
  return {
    'List-Unsubscribe': { prepared: true, value: targets.map((target) => `<${target}>`).join(',\r\n ') },
    ...(url === undefined ? {} : { 'List-Unsubscribe-Post': { prepared: true as const, value: 'List-Unsubscribe=One-Click' } }),
  }
}

function withToken(text: string, token: string): string {
  return text.replaceAll('{token}', encodeURIComponent(token))
}

/** Where no place is named for the token, it is the end of the subject: every mailbox takes that, and not every one takes `+` in addresses. */
function mailtoWithToken(mailto: string, token: string): string {
  if (mailto.includes('{token}')) return withToken(mailto, token)
  const [address = '', query = ''] = mailto.split('?')
  const fields = query.split('&').filter((field) => field !== '')
  const subject = fields.find((field) => /^subject=/i.test(field)) ?? 'subject=unsubscribe'
  const others = fields.filter((field) => !/^subject=/i.test(field))
  return `${address}?${[`${subject}%20${encodeURIComponent(token)}`, ...others].join('&')}`
}

function httpsUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed?.protocol !== 'https:' || /[<>\s,]/.test(parsed.href)) throw invalid('url: expected an https URL')
  return parsed.href
}

function mailtoUrl(mailto: string): string {
  const parsed = URL.parse(`mailto:${mailto.replace(/^mailto:/i, '')}`)
  if (!parsed || !/^[^\s<>,@]+@[^\s<>,@?]+(\?[^\s<>,]*)?$/.test(parsed.href.slice(7))) throw invalid('mailto: expected an e-mail address')
  return parsed.href
}

function invalid(reason: string): CommsError {
  return new CommsError('configuration_invalid', `smtpTransport: unsubscribe: ${reason}`)
}
