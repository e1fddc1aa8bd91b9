import type { RecordedEvent } from '@pipe-comms/core'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Running } from '../comms.ts'
import { inputProblem } from './problem.ts'

const MAX_LIMIT = 1000
const LIMIT = `expected a whole number from 1 to ${MAX_LIMIT}`
/** Characters of JSON; a page ends sooner when its events are large, so that a page of large mails fits into memory. */
const MAX_PAGE = 4_194_304
const pageSchema = z.object({
  after: z.string().min(1).optional(),
  limit: z.coerce.number(LIMIT).int(LIMIT).min(1, LIMIT).max(MAX_LIMIT, LIMIT).default(100),
})

/**
 * `GET /events`: the log, oldest first, a page at a time. `next` is the position to go on from, null at the end of the log. A page has at
 * most `limit` events and about 4 MiB, and at least one event.
 */
export function eventRoutes({ store }: Running): Hono {
  return new Hono().get('/events', async (c) => {
    const page = pageSchema.safeParse(c.req.query())
    if (!page.success) return c.json(inputProblem('query_invalid', page.error), 400)
    const { after, limit } = page.data
    const events: string[] = []
    let size = 0
    let last: RecordedEvent | undefined
    let more = false
    for await (const event of store.readAll({ ...(after === undefined ? {} : { after }), signal: c.req.raw.signal })) {
      const json = JSON.stringify(event)
      more = events.length === limit || (events.length > 0 && size + json.length > MAX_PAGE)
      if (more) break
      events.push(json)
      size += json.length
      last = event
    }
    const next = more ? JSON.stringify(last?.position) : 'null'
    return c.body(`{"events":[${events.join(',')}],"next":${next}}`, 200, { 'content-type': 'application/json' })
  })
}
