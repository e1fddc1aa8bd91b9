import { CommsError, type InboxDelivery, type InboxReader, isCommsError } from '@pipe-comms/core'
import { type InstanceApi, parsed } from './api/instance.ts'
import { parseNotification } from './webhook/parse.ts'

/** Seconds that Green-API holds the answer back while nothing comes, 5 to 60. https://green-api.com/en/docs/api/receiving/technology-http-api/ReceiveNotification/ */
const RECEIVE_SECONDS = 20
/** An empty answer that comes sooner than this is followed by a pause, so that a server that does not wait is not asked in a circle. */
const LEAST_MS = 1_000
/** How the server says that a notification is deleted already. */
const GONE = /findUnAckedMessage/

/** Reads the instance's notifications by long poll: the oldest comes again until it is deleted. */
export function inboxReader(api: InstanceApi): InboxReader {
  const { clock, sleep, idInstance, timeoutMs } = api.options

  const ask = async (signal: AbortSignal): Promise<string> => {
    try {
      return await api.call({
        method: 'receiveNotification',
        verb: 'GET',
        rest: `?receiveTimeout=${RECEIVE_SECONDS}`,
        lost: 'send_unavailable',
        timeoutMs: RECEIVE_SECONDS * 1000 + timeoutMs,
        signal,
      })
    } catch (error) {
      // How a long poll ends when a proxy in between is less patient.
      if (isCommsError(error) && (error.providerCode === '408' || error.providerCode === '504')) return ''
      if (signal.aborted) return ''
      throw isCommsError(error, 'send_rejected') ? new CommsError('transport_misconfigured', error.message) : error
    }
  }

  const acknowledge = async (receiptId: string): Promise<void> => {
    try {
      await api.call({ method: 'deleteNotification', verb: 'DELETE', rest: `/${receiptId}`, lost: 'send_unavailable' })
    } catch (error) {
      if (isCommsError(error) && error.providerCode === '500' && GONE.test(error.message)) return
      throw error
    }
  }

  return {
    async receive({ signal }) {
      const askedAt = clock.now()
      const text = await ask(signal)
      const delivery = deliveryIn(text, acknowledge)
      const early = askedAt + LEAST_MS - clock.now()
      if (!delivery && !signal.aborted && early > 0) await sleep(early, signal)
      return delivery
    },
    parse: (body) => parseNotification(body, { idInstance, via: 'poll' }),
  }
}

/** Nothing is `null`, and now and then an empty body. What has a receipt and makes no sense is delivered all the same, or it would block the rest. */
function deliveryIn(text: string, acknowledge: (receiptId: string) => Promise<void>): InboxDelivery | undefined {
  if (text.trim() === '') return undefined
  const answer = parsed(text)
  if (answer === null) return undefined
  const { receiptId, body } = (answer ?? {}) as { receiptId?: unknown; body?: unknown }
  if (typeof receiptId !== 'number' && typeof receiptId !== 'string')
    throw new CommsError('send_unavailable', 'Green-API: receiveNotification answered with success and without a receiptId')
  const written = typeof body === 'string' ? body : notificationIn(text)
  return { body: new TextEncoder().encode(written), acknowledge: () => acknowledge(encodeURIComponent(receiptId)) }
}

/** The notification as it is written in the answer, so that nothing of it is lost in parsing; the whole answer when it has none. */
function notificationIn(text: string): string {
  const inside = /^\s*\{\s*"receiptId"\s*:\s*"?\d+"?\s*,\s*"body"\s*:([\s\S]*)\}\s*$/.exec(text)?.[1]?.trim()
  // Something may follow the notification, and then what was found is no JSON.
  if (inside !== undefined && parsed(inside) !== undefined) return inside
  const { body } = parsed(text) as { body?: unknown }
  try {
    return body === undefined ? text : JSON.stringify(body)
  } catch {
    // Nested too deeply to be written again.
    return text
  }
}
