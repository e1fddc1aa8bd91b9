import type { WebhookRequest } from '@pipe-comms/core'
import type { Parameters } from './parameters.ts'

interface Mismatch {
  readonly request: WebhookRequest
  /** The URL that was checked. */
  readonly url: string
  readonly parameters: Parameters
  /** Whether the signature fits this other URL. */
  readonly isSigned: (url: string) => boolean
  /** Whether more than one token was tried. */
  readonly several: boolean
}

/** A stranger must not make us work: of larger bodies, and of queries with more parameters (24 orders), no other URL is tried. */
const MAX_TRIED_BYTES = 16_384
const MAX_REORDERED = 4

/**
 * Says which URL was checked against what came, and what likely differs: whatever URL the signature does fit was the one that Twilio
 * called. Values of the query and of the form are left out, for they are what people wrote.
 */
export function explainMismatch(mismatch: Mismatch): string {
  const { request, url, parameters } = mismatch
  const count = Object.keys(parameters).length
  const checked = `${withoutValues(url)} with ${count} body parameter${count === 1 ? '' : 's'}`
  return `X-Twilio-Signature does not match the public URL ${checked}; the request came as ${cameAs(request)}. Likely cause: ${causeOf(mismatch)}`
}

function causeOf(mismatch: Mismatch): string {
  const { request, url } = mismatch
  const isSigned = request.body.byteLength > MAX_TRIED_BYTES ? () => false : mismatch.isSigned
  const { origin, pathname, search } = new URL(url)
  const otherScheme = swapScheme(url)
  if (isSigned(otherScheme)) {
    return `the scheme: Twilio signed ${new URL(otherScheme).protocol}//, so the webhook is configured with another scheme than the public URL. Make both the same`
  }
  for (const host of hostsOf(request)) {
    for (const scheme of ['https', 'http']) {
      if (isSigned(`${scheme}://${host}${pathname}${search}`)) {
        return `the host: Twilio signed ${scheme}://${host}, not ${origin}. Configure the same host for the webhook and the public URL`
      }
    }
  }
  for (const path of pathsLike(request, pathname)) {
    if (isSigned(origin + path + search)) {
      return `the path: Twilio signed ${path}, so the proxy or the configured webhook changes ${pathname}. Configure the same path for both`
    }
  }
  if (search !== '') {
    if (isSigned(origin + pathname)) return 'the query: Twilio signed the URL without one, so something on the way added it'
    const other = ordersOf(search.slice(1)).find((query) => isSigned(`${origin}${pathname}?${query}`))
    if (other !== undefined) return 'the query: something on the way re-ordered its parameters. Pass the query on as it comes'
  }
  const tokens = mismatch.several ? 'none of the tokens is the one' : 'the token is not the one'
  return `changed parameters (one added, removed, trimmed or changed between Twilio and here), or ${tokens} of this account and region, or it is a forgery`
}

function swapScheme(url: string): string {
  return url.startsWith('https:') ? url.replace(/^https/, 'http') : url.replace(/^http/, 'https')
}

/** Hosts by which the request may have been called, where a proxy says it. */
function hostsOf(request: WebhookRequest): readonly string[] {
  const named = ['x-forwarded-host', 'x-original-host', 'host'].map((name) => request.headers.get(name)?.split(',')[0]?.trim())
  return [...new Set([...named, new URL(request.url).host])].filter((host): host is string => !!host && /^[\w.:[\]-]{1,255}$/.test(host))
}

/** The same path with and without a slash at its end, and with what proxies take off in front. */
function pathsLike(request: WebhookRequest, pathname: string): readonly string[] {
  const bare = new URL(request.url).pathname
  const prefix = request.headers.get('x-forwarded-prefix')
  const named = prefix !== null && /^\/[\w/.-]{0,255}$/.test(prefix) ? [prefix.replace(/\/+$/, '') + bare] : []
  return [`${pathname}/`, pathname.replace(/\/$/, ''), bare, ...named].filter((path) => path !== pathname)
}

function ordersOf(query: string): readonly string[] {
  const pairs = query.split('&')
  return pairs.length > MAX_REORDERED ? [] : permutations(pairs).map((order) => order.join('&'))
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

/** Scheme, host and path as the proxy says it, fit for a log: a stranger may have written them. */
function cameAs(request: WebhookRequest): string {
  const { protocol, host } = new URL(request.url)
  const forwarded = request.headers.get('x-forwarded-proto')?.split(',')[0]?.trim()
  const scheme = forwarded && /^https?$/.test(forwarded) ? forwarded : protocol.replace(':', '')
  const named = hostsOf(request)[0] ?? host
  return `${request.method} ${withoutValues(`${scheme}://${named}${new URL(request.url).pathname}${new URL(request.url).search}`)}`
}

/** `?a=…&b=…` in place of `?a=1&b=2`. */
function withoutValues(url: string): string {
  const start = url.indexOf('?')
  if (start < 0) return url
  const names = [...new URLSearchParams(url.slice(start + 1)).keys()].map((name) => `${name.replace(/[^\w.-]/g, '_').slice(0, 40)}=…`)
  const shown = names.length > 12 ? [...names.slice(0, 12), '…'] : names
  return `${url.slice(0, start)}?${shown.join('&')}`
}
