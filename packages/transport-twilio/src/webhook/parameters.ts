import { CommsError, type WebhookRequest } from '@pipe-comms/core'

/** What a webhook says, by name. A name that comes twice has a list. No prototype, so that a parameter may have any name. */
export type Parameters = Readonly<Record<string, string | readonly string[]>>

/**
 * The parameters of a webhook: of the URL when it came by GET, else of the form in its body. Nothing is trimmed, dropped or merged, for
 * each of them is in the signature.
 */
export function parametersOf(request: WebhookRequest): Parameters {
  return collect(request.method === 'GET' ? new URL(request.url).searchParams : formIn(request))
}

/** Whether the body is a form; other bodies are proven by their hash. https://www.twilio.com/docs/usage/security#validating-requests */
export function isForm(request: WebhookRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? '')
}

/** Bytes that are no UTF-8 become replacement characters, as they do in percent-encodings: the signature then tells. */
function formIn(request: WebhookRequest): URLSearchParams {
  // A leading BOM is part of the first name, so it must stay.
  return new URLSearchParams(new TextDecoder('utf-8', { ignoreBOM: true }).decode(request.body))
}

function collect(pairs: URLSearchParams): Parameters {
  const parameters: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of pairs) {
    const before = parameters[name]
    if (before === undefined) parameters[name] = value
    else if (typeof before === 'string') parameters[name] = [before, value]
    else before.push(value)
  }
  return parameters
}

/** The one value of a parameter; `undefined` when it is absent or empty. Of a repeated one the first. */
export function one(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name]
  return (typeof value === 'string' ? value : value?.[0]) || undefined
}

/** The first value of each parameter that is not empty. */
export function filled(parameters: Parameters): Readonly<Record<string, string>> {
  const values = Object.keys(parameters).map((name) => [name, one(parameters, name)])
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

/** @throws CommsError `webhook_unparsable` when it is absent or blank. */
export function needed(parameters: Parameters, name: string): string {
  const value = one(parameters, name)
  if (value === undefined || value.trim() === '') throw new CommsError('webhook_unparsable', `Twilio: expected ${name}, got none`)
  return value
}
