import { type CommsError, isCommsError } from '@pipe-comms/core'
import type { Context, ErrorHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Logger } from 'pino'
import type { z } from 'zod'

/** What is wrong with one request, as every route under `/api` says it. `code` is for programs and stays; `message` is for people. */
interface Problem {
  readonly code: string
  readonly message: string
  /** With `input_invalid` and `query_invalid`: each field, and what was expected of it. */
  readonly fields?: Readonly<Record<string, string>>
  /** Whose fault it is, with `send_rejected` and failed messages: see `FailureClass` of the core. */
  readonly class?: string
  readonly providerCode?: string
}

export function problem(code: string, message: string, more: Omit<Problem, 'code' | 'message'> = {}) {
  return { success: false, error: { code, message, ...more } satisfies Problem }
}

/** Enough to correct a request by; a hostile one may have a problem in each of its many thousand parts. */
const MOST_FIELDS = 20

/** Names each field that is wrong. */
export function inputProblem(code: 'input_invalid' | 'query_invalid', { issues }: z.ZodError) {
  const fields = new Map<string, string>()
  for (const issue of issues) {
    // A field that nobody knows is reported by zod where it stands, not by its own name.
    const named = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    for (const path of named) {
      const field = path.join('.').slice(0, 100) || 'body'
      if (fields.has(field) || fields.size === MOST_FIELDS) continue
      fields.set(field, issue.code === 'unrecognized_keys' ? 'unknown field' : issue.message)
    }
  }
  const message = [...fields].map(([field, expected]) => `${field}: ${expected}`).join('; ')
  return problem(code, message, { fields: Object.fromEntries(fields) })
}

/** With an answer that does not wait for the body: what is left of it must not stand before the next request. */
export const UNREAD = { connection: 'close' }

/** Seconds, for callers of a store that does not say when it will be back. */
const RETRY_AFTER = 5

/** Answers what a route throws. What is not meant for the caller is in the log alone. */
export function errorHandler(log: Logger): ErrorHandler {
  return (error, c) => {
    if (error instanceof HTTPException) {
      const expected = 'Expected Authorization: Bearer <JWT signed with JWT_SECRET, HS256, with an exp claim>'
      const message = error.status === 401 && !error.message.startsWith('Expected') ? expected : error.message
      return c.json(problem('unauthorized', message), error.status, { 'www-authenticate': 'Bearer', ...UNREAD })
    }
    if (isCommsError(error)) {
      const answer = answerToCaller(error, c)
      if (answer) return answer
    }
    log.error({ error: error.message }, `${c.req.method} ${c.req.path} failed`)
    if (!isCommsError(error) || !error.code.startsWith('store_')) return c.json(problem('internal', 'Internal error'), 500)
    const seconds = error.retryAfterMs === undefined ? RETRY_AFTER : Math.ceil(error.retryAfterMs / 1000)
    return c.json(problem(error.code, 'The event log cannot be reached now; try again'), 503, { 'retry-after': String(seconds) })
  }
}

/** The errors that the caller can do something about. */
function answerToCaller({ code, message, failure }: CommsError, c: Context): Response | undefined {
  switch (code) {
    case 'request_conflict':
      return c.json(problem(code, message), 409)
    case 'position_invalid':
    case 'address_invalid':
    case 'event_invalid':
    case 'request_invalid':
      return c.json(problem(code, message), 400)
    case 'send_rejected':
      // Before a request is recorded the one rule that can stand against it is that the contact has opted out.
      return failure === 'policy'
        ? c.json(problem('opted_out', message, { class: failure }), 409)
        : c.json(problem(code, message, failure === undefined ? {} : { class: failure }), 422)
    default:
      return undefined
  }
}
