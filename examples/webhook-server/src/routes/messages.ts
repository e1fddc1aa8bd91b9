import type { MessageStatus, SendRequest } from '@pipe-comms/core'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Running } from '../comms.ts'
import { readIdempotencyKey } from './idempotency-header.ts'
import { messageRequestSchema, waitingSchema } from './message-request.ts'
import { inputProblem, problem, UNREAD } from './problem.ts'

/** Bytes; as much as a webhook may have. */
const MAX_BODY = 1_048_576

export interface MessageRoutesOptions {
  /** Country of numbers written without one. */
  readonly defaultRegion: string
  /** Aborted when the server closes: those that wait are then told how far their message got. */
  readonly closing: AbortSignal
}

/** `POST /messages` sends a message, `GET /messages/:id` tells what became of it. */
export function messageRoutes({ comms }: Running, { defaultRegion, closing }: MessageRoutesOptions): Hono {
  const schema = messageRequestSchema(defaultRegion)
  const app = new Hono()

  const limit = bodyLimit({
    maxSize: MAX_BODY,
    onError: (c) => c.json(problem('body_too_large', `The body is over the limit of ${MAX_BODY} bytes`), 413, UNREAD),
  })
  app.post('/messages', limit, async (c) => {
    const waiting = waitingSchema.safeParse(c.req.query())
    if (!waiting.success) return c.json(inputProblem('query_invalid', waiting.error), 400)
    const body = await readJson(c)
    if (body === undefined)
      return c.json(problem('input_invalid', 'body: expected JSON in UTF-8', { fields: { body: 'expected JSON in UTF-8' } }), 400)
    const checked = schema.safeParse(body)
    if (!checked.success) return c.json(inputProblem('input_invalid', checked.error), 400)
    const key = readIdempotencyKey(c.req.header('idempotency-key'), checked.data.idempotencyKey)
    if (!key.success) return c.json(inputProblem('input_invalid', key.error), 400)

    const request: SendRequest = { ...checked.data, ...(key.data === undefined ? {} : { idempotencyKey: key.data }) }
    const { wait, timeout } = waiting.data
    const status = await comms.send(
      request,
      wait === undefined ? {} : { waitFor: wait, timeoutMs: timeout * 1000, signal: gone(c, closing) },
    )
    return answer(c, status, { wait, hasFallback: request.fallback !== undefined })
  })

  app.get('/messages/:id', async (c) => {
    const report = await comms.message(c.req.param('id'))
    return report ? c.json({ success: true, ...report }) : c.json(problem('not_found', 'No message of this id'), 404)
  })
  return app
}

/** When nobody hears the answer any more, or everybody should hear it now. */
function gone(c: Context, closing: AbortSignal): AbortSignal {
  return AbortSignal.any([closing, c.req.raw.signal])
}

/** Nothing when it is not JSON. Bytes that are no UTF-8 would go to the lead as question marks, so they are refused too. */
async function readJson(c: Context): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await c.req.arrayBuffer()))
  } catch {
    return undefined
  }
}

const REACHED = { sent: ['sent', 'delivered', 'read'], delivered: ['delivered', 'read'] }

/** 202 while it is under way; a failed message with a fallback still is. */
function answer(
  c: Context,
  status: MessageStatus,
  { wait, hasFallback }: { wait: 'sent' | 'delivered' | undefined; hasFallback: boolean },
) {
  const { failure } = status
  if (status.status === 'failed' && !hasFallback) {
    const { code = 'failed', text = 'The message failed', class: fault, providerCode } = failure ?? {}
    const more = { ...(fault === undefined ? {} : { class: fault }), ...(providerCode === undefined ? {} : { providerCode }) }
    return c.json({ ...problem(code, text, more), messageId: status.messageId, status: 'failed' }, code === 'opted_out' ? 409 : 422)
  }
  const reached = wait !== undefined && REACHED[wait].includes(status.status)
  return c.json({ success: true, ...status }, reached ? 200 : 202)
}
