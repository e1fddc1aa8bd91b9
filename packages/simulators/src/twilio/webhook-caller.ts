import { signTwilioRequest } from './signature.ts'

/** One webhook, and how each try of it ended. */
export interface WebhookDelivery {
  readonly url: string
  readonly form: Readonly<Record<string, string>>
  /** The same in every try. */
  readonly idempotencyToken: string
  /** Status of each answer, or why there was none. */
  readonly tries: readonly (number | 'connection' | 'timeout')[]
  /** The answer that Twilio would act on. */
  readonly answer?: { readonly contentType: string; readonly body: string }
}

export interface WebhookCall {
  readonly url: string
  readonly form: Readonly<Record<string, string>>
  readonly method?: 'GET' | 'POST'
  readonly idempotencyToken: string
}

export interface CallerOptions {
  readonly authToken: string
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  /** Where a URL is really called: what DNS and a reverse proxy do. The signature stays that of the URL. */
  readonly resolve: (url: string) => string
}

/** https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides */
const MAX_READ_MS = 15_000

/**
 * Calls a webhook as Twilio does: signed, once, and again only as the connection overrides in the fragment of the URL say. By default
 * that is once more after a connection that could not be made; an answer 500 is not repeated.
 */
export async function callWebhook(
  { url, form, method = 'POST', idempotencyToken }: WebhookCall,
  options: CallerOptions,
): Promise<WebhookDelivery> {
  const [called = '', fragment = ''] = url.split('#')
  const overrides = new URLSearchParams(fragment)
  const retries = Number(overrides.get('rc') ?? 1)
  const policy = new Set((overrides.get('rp') ?? 'ct').split(','))
  const readMs = Math.min(Number(overrides.get('rt') ?? MAX_READ_MS), MAX_READ_MS)
  const query = new URLSearchParams(form).toString()
  const target = method === 'GET' ? `${called}${called.includes('?') ? '&' : '?'}${query}` : called
  const signature = signTwilioRequest(options.authToken, target, method === 'GET' ? {} : form)
  const tries: (number | 'connection' | 'timeout')[] = []
  let answer: WebhookDelivery['answer']
  for (let turn = 0; turn <= retries; turn += 1) {
    try {
      const response = await options.fetch(options.resolve(target), {
        method,
        headers: {
          'x-twilio-signature': signature,
          'i-twilio-idempotency-token': idempotencyToken,
          'x-home-region': 'us1',
          'user-agent': 'TwilioProxy/1.1',
          ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } : {}),
        },
        ...(method === 'POST' ? { body: query } : {}),
        redirect: 'manual',
        signal: AbortSignal.any([options.signal, AbortSignal.timeout(readMs)]),
      })
      answer = { contentType: response.headers.get('content-type') ?? '', body: await response.text() }
      tries.push(response.status)
    } catch (error) {
      tries.push((error as Error)?.name === 'TimeoutError' ? 'timeout' : 'connection')
    }
    if (options.signal.aborted || !isRepeated(tries.at(-1) as number | 'connection' | 'timeout', policy)) break
  }
  return { url, form, idempotencyToken, tries, ...(answer ? { answer } : {}) }
}

function isRepeated(outcome: number | 'connection' | 'timeout', policy: ReadonlySet<string>): boolean {
  const kind = outcome === 'connection' ? 'ct' : outcome === 'timeout' ? 'rt' : outcome >= 500 ? '5xx' : outcome >= 400 ? '4xx' : 'ok'
  return kind !== 'ok' && (policy.has(kind) || policy.has('all'))
}

/** Whether the webhook was taken. */
export function wasTaken({ tries }: WebhookDelivery): boolean {
  const last = tries.at(-1)
  return typeof last === 'number' && last >= 200 && last < 300
}
