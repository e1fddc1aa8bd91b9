import { Hono } from 'hono'
import { html } from 'hono/html'
import { listen } from '../listen.ts'
import type { MailInbox, SimulatedMail } from './mail-inbox.ts'

export interface InboxPage {
  readonly url: string
  close(): Promise<void>
}

/** Shows an inbox on loopback: `/` for people, `/messages` as JSON, `/messages/<number>` raw. A message's HTML is never rendered. */
export async function serveInboxPage(inbox: MailInbox, port: number): Promise<InboxPage> {
  const app = new Hono()
  app.get('/', (c) => c.html(page(inbox.messages)))
  app.get('/messages', (c) => c.json(inbox.messages.map(summary)))
  app.get('/messages/:number', (c) => {
    const found = inbox.messages.find(({ number }) => String(number) === c.req.param('number'))
    return found ? c.text(found.raw.toString()) : c.json({ error: `No message ${c.req.param('number')}` }, 404)
  })
  return listen(app.fetch, port)
}

function summary({ number, receivedAt, from, to, mail }: SimulatedMail) {
  return {
    number,
    receivedAt,
    from,
    to,
    messageId: mail.messageId,
    subject: mail.subject,
    text: mail.text,
    attachments: mail.attachments.map(({ filename, contentType, size }) => ({ filename, contentType, size })),
  }
}

function page(messages: readonly SimulatedMail[]) {
  const rows = messages.toReversed().map(
    ({ number, receivedAt, from, to, mail }) => html`<article>
      <h2>${mail.subject ?? '(no subject)'}</h2>
      <p>${receivedAt} · ${from} → ${to.join(', ')} · <a href="/messages/${number}">source</a></p>
      <pre>${mail.text ?? ''}</pre>
    </article>`,
  )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Simulated inbox</title>
        <style>
          body { font: 16px/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem; }
          article { border-top: 1px solid #ccc; }
          pre { white-space: pre-wrap; }
        </style>
      </head>
      <body>
        <h1>Simulated inbox</h1>
        ${messages.length === 0 ? html`<p>Nothing was sent yet.</p>` : rows}
      </body>
    </html>`
}
