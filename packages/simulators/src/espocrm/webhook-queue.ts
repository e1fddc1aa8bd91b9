import { createHmac } from 'node:crypto'

/** A webhook that an API user has made. */
export interface EspoWebhook {
  readonly id: string
  readonly event: string
  readonly url: string
  readonly secretKey: string
  isActive: boolean
}

export interface WebhookDelivery {
  readonly event: string
  readonly status: number
  readonly items: number
}

/** At most this many items in one request. */
const BATCH_SIZE = 50
/** Tried again later; every other failure is final. https://github.com/espocrm/espocrm, Tools/Webhook/Queue.php */
const RETRIED = new Set([0, 401, 403, 404, 405, 408, 500, 503])
const MOST_ATTEMPTS = 4

interface Queued {
  readonly webhook: EspoWebhook
  readonly item: Record<string, unknown>
  attempts: number
}

/** What waits to be told, until the scheduled job sends it. In EspoCRM it runs every five minutes; here whenever it is asked to. */
export class WebhookQueue {
  readonly #webhooks = new Map<string, EspoWebhook>()
  readonly #fetch: typeof globalThis.fetch
  #queue: Queued[] = []

  constructor(fetch: typeof globalThis.fetch) {
    this.#fetch = fetch
  }

  add(webhook: EspoWebhook): void {
    this.#webhooks.set(webhook.id, webhook)
  }

  webhooks(): readonly EspoWebhook[] {
    return [...this.#webhooks.values()]
  }

  tell(event: string, item: Record<string, unknown>): void {
    for (const webhook of this.#webhooks.values())
      if (webhook.event === event && webhook.isActive) this.#queue.push({ webhook, item, attempts: 0 })
  }

  /** Sends what waits: one request a webhook and 50 items, the event's name in none of them. */
  async process(): Promise<WebhookDelivery[]> {
    const queue = this.#queue.splice(0)
    const deliveries: WebhookDelivery[] = []
    for (const webhook of this.#webhooks.values()) {
      const own = queue.filter((queued) => queued.webhook === webhook)
      for (let start = 0; start < own.length; start += BATCH_SIZE) {
        const batch = own.slice(start, start + BATCH_SIZE)
        const status = await this.#send(webhook, batch)
        deliveries.push({ event: webhook.event, status, items: batch.length })
        if (status === 410) {
          this.#webhooks.delete(webhook.id)
          break
        }
        if (RETRIED.has(status)) this.#queue.push(...batch.filter((queued) => ++queued.attempts < MOST_ATTEMPTS))
      }
    }
    return deliveries
  }

  async #send(webhook: EspoWebhook, batch: readonly Queued[]): Promise<number> {
    const body = JSON.stringify(batch.map(({ item }) => item))
    const headers = { 'content-type': 'application/json', ...webhookSignatures(webhook, body) }
    try {
      const response = await this.#fetch(webhook.url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000),
      })
      await response.arrayBuffer()
      return response.status
    } catch (error) {
      // A timeout is tried again, any other failure of the connection is not.
      return (error as Error).name === 'TimeoutError' ? 0 : -1
    }
  }
}

/** Both headers: the one since 9.0, and the one before it, sent until 11.0. */
function webhookSignatures({ id, secretKey }: { id: string; secretKey: string }, body: string): Record<string, string> {
  const hmac = createHmac('sha256', secretKey).update(body).digest()
  return {
    signature: Buffer.from(`${id}:${hmac.toString('hex')}`).toString('base64'),
    'x-signature': Buffer.concat([Buffer.from(`${id}:`), hmac]).toString('base64'),
  }
}
