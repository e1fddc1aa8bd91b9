import type { RecordedEvent } from '@pipe-comms/core'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Running } from '../comms.ts'
import { inputProblem } from './problem.ts'

const MAX_LIMIT = 1000
const pageSchema = z.object({
  after: z.string().min(1).optional(),
  limit: z.coerce.number('expected a number').int('expected a whole number').min(1).max(MAX_LIMIT).default(100),
})

/** `GET /events`: the log, oldest first, a page at a time. */
export function eventRoutes({ store }: Running): Hono {
  return new Hono().get('/events', async (c) => {
    const page = pageSchema.safeParse(c.req.query())
    if (!page.success) return c.json(inputProblem('query_invalid', page.error), 400)
    const { after, limit } = page.data
    const events: RecordedEvent[] = []
    let more = false
    for await (const event of store.readAll(after === undefined ? {} : { after })) {
      more = events.length === limit
      if (more) break
      events.push(event)
    }
    return c.json({ events, next: more ? events.at(-1)?.position : null })
  })
}
