import { Hono } from 'hono'
import { z } from 'zod'
import { chatIdFrom } from './chat.ts'
import type { Instance } from './instance.ts'
import { journalEntry } from './message.ts'

const writes = z.object({
  from: z.string().min(5).default('33639980001'),
  name: z.string().default('Camille'),
  text: z.string().default('Bonjour'),
})

/** What a person at a shell can do with the simulator: let a lead write, and look at its messages. */
export function controlRoutes(instance: Instance): Hono {
  const app = new Hono()
  app.post('/lead-writes', async (c) => {
    const given = writes.safeParse(await c.req.json().catch(() => ({})))
    if (!given.success) return c.json({ error: z.prettifyError(given.error) }, 400)
    const { from, name: senderName, text } = given.data
    const messageData = { typeMessage: 'textMessage', textMessageData: { textMessage: text } }
    return c.json({ idMessage: instance.receive({ type: 'incoming', chatId: chatIdFrom(from), senderName, messageData }) })
  })
  app.get('/messages', (c) => c.json(instance.archive.all().map(journalEntry)))
  return app
}
