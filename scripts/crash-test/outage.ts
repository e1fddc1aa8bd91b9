import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as timer } from 'node:timers/promises'
import { createComms, eventCache } from '@pipe-comms/core'
import { openFileSpool } from '@pipe-comms/store-json'
import { postgresEventStore } from '@pipe-comms/store-supabase'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'
import pg from 'pg'
import { createLog } from '../../packages/store-supabase/src/testing/create-log.ts'
import { type PostgresServer, startPostgres } from '../../packages/store-supabase/src/testing/postgres-server.ts'
import { hangDatabase } from './hanging-database.ts'

export interface OutageReport {
  readonly posts: number
  readonly acknowledged: number
  /** Of these, how many were answered from the spool. */
  readonly spooled: number
  readonly lost: number
  readonly doubled: number
  /** Events that stand behind a later one of their contact. */
  readonly outOfOrder: number
  /** From the return of the database until the spool was empty. */
  readonly caughtUpSeconds: number
  readonly slowestAnswerSeconds: number
  /** How a `send` in the middle of the outage ended, and after how long. */
  readonly send: string
  readonly sendSeconds: number
}

const CONTACTS = 10
const TOKEN = 'outage-test-token'

/**
 * Posts webhooks without a pause, each contact's one after the other, ends PostgreSQL in the middle, or stops its processes so that it
 * hangs, and lets it come back.
 */
export async function outage({ seconds, how = 'crash' }: { seconds: number; how?: 'crash' | 'hang' }): Promise<OutageReport> {
  const server = await startPostgres()
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-outage-'))
  const pool = new pg.Pool({ connectionString: `${server.url}/postgres` })
  try {
    await createLog(pool)
    const store = eventCache({ store: postgresEventStore({ pool }) })
    const spool = await openFileSpool({ dir })
    let spooled = 0
    const comms = createComms({
      store,
      spool,
      transports: [greenApiTransport({ idInstance: '7105000001', webhookToken: TOKEN })],
      onWebhook: ({ outcome }) => {
        if (outcome === 'spooled') spooled += 1
      },
    })
    comms.start()

    let posting = true
    let posts = 0
    let slowestMs = 0
    const acknowledged: string[] = []
    const writer = async (contact: number) => {
      for (let turn = 0; posting; turn += 1) {
        const id = `C${contact}T${String(turn).padStart(6, '0')}`
        posts += 1
        const askedAt = performance.now()
        const { status } = await comms.handle(webhook(contact, id))
        slowestMs = Math.max(slowestMs, performance.now() - askedAt)
        if (status === 200) acknowledged.push(id)
        await timer(20)
      }
    }
    const writers = Promise.all(Array.from({ length: CONTACTS }, (_, contact) => writer(contact)))
    await timer(500)
    const comeBack = how === 'hang' ? await hangDatabase(server) : await crashDatabase(server)
    const sentAt = performance.now()
    const sending = comms.send({ channel: 'whatsapp', to: '+33639980050', content: { text: 'Bonjour' } }).then(
      ({ status }) => status,
      ({ code }) => code,
    )
    const [, send, sendSeconds] = await Promise.all([
      timer(seconds * 1000),
      sending,
      sending.then(() => (performance.now() - sentAt) / 1000),
    ])
    await comeBack()
    const backAt = performance.now()
    await timer(500)
    posting = false
    await writers
    while ((await spool.size()) > 0) await timer(50)
    const caughtUpSeconds = (performance.now() - backAt) / 1000

    const seen = new Set<string>()
    const last = new Map<string, string>()
    let [doubled, outOfOrder] = [0, 0]
    for await (const { type, providerMessageId: id = '', streamId } of store.readAll()) {
      if (type !== 'message.received') continue
      if (seen.has(id)) doubled += 1
      seen.add(id)
      if (id < (last.get(streamId) ?? '')) outOfOrder += 1
      last.set(streamId, id)
    }
    await comms.close()
    const lost = acknowledged.filter((id) => !seen.has(id)).length
    return {
      posts,
      acknowledged: acknowledged.length,
      spooled,
      lost,
      doubled,
      outOfOrder,
      caughtUpSeconds,
      slowestAnswerSeconds: slowestMs / 1000,
      send,
      sendSeconds,
    }
  } finally {
    await pool.end()
    await server.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

async function crashDatabase(server: PostgresServer): Promise<() => Promise<void>> {
  await server.crash()
  return () => server.start()
}

function webhook(contact: number, idMessage: string): Request {
  const chatId = `3363998000${contact}@c.us`
  return new Request('https://comms.example.com/webhooks/greenapi', {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      typeWebhook: 'incomingMessageReceived',
      instanceData: { idInstance: 7105000001, wid: '33639980010@c.us', typeInstance: 'whatsapp' },
      timestamp: 1_767_697_200,
      idMessage,
      senderData: { chatId, sender: chatId, chatName: 'Camille', senderName: 'Camille' },
      messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: `message ${idMessage}` } },
    }),
  })
}
