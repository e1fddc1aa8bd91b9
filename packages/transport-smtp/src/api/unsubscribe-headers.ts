import { CommsError, type OutboundMessage } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'

/**
 * How the recipient gets off the list: exactly one `List-Unsubscribe`, and the one-click header when there is an HTTPS address. nodemailer's
 * own `list` writes one header a value and cannot write the other. https://www.rfc-editor.org/rfc/rfc8058#section-3.1
 * @throws CommsError `configuration_invalid`
 */
export function unsubscribeHeaders(options: CheckedOptions, message: OutboundMessage): Record<string, { prepared: true; value: string }> {
  const given = typeof options.unsubscribe === 'function' ? options.unsubscribe(message) : options.unsubscribe
  if (!given) return {}
  const url = given.url === undefined ? undefined : httpsUrl(given.url)
  const mailto = given.mailto === undefined ? undefined : mailtoUrl(given.mailto)
  const targets = [url, mailto].filter((target) => target !== undefined)
  if (targets.length === 0) throw invalid('expected a url or a mailto')
  return {
    'List-Unsubscribe': { prepared: true, value: targets.map((target) => `<${target}>`).join(',\r\n ') },
    ...(url === undefined ? {} : { 'List-Unsubscribe-Post': { prepared: true as const, value: 'List-Unsubscribe=One-Click' } }),
  }
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
