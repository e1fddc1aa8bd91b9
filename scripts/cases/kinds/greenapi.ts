import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createComms, type EventStore, memoryEventStore, type RecordedEvent } from '@pipe-comms/core'
import { startGreenApiSimulator } from '@pipe-comms/simulators'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'
import { type Case, differs, inputOf, jsonOf } from '../case.ts'
import { judgeFacts } from '../facts.ts'

const TOKEN = 'webhook-token-for-cases'
const PATH = 'https://comms.example.com/webhooks/greenapi'

async function openOn(store: EventStore) {
  const transport = greenApiTransport({ idInstance: '7105000001', webhookToken: TOKEN })
  const comms = createComms({ store, transports: [transport] })
  const post = (body: Uint8Array<ArrayBuffer> | string, { path = PATH, headers = {} as Record<string, string>, twice = false } = {}) => {
    const authorization: [string, string] = ['authorization', `Bearer ${TOKEN}`]
    const all: [string, string][] = [authorization, ...(twice ? [authorization] : []), ...Object.entries(headers)]
    return comms.handle(new Request(path, { method: 'POST', body, headers: new Headers(all) }))
  }
  return { comms, post }
}

export async function greenapi(given: Case): Promise<string[]> {
  if (given.run === 'stores') return [...(await inMemory(given)), ...(await inSqlite(given))]
  return inMemory(given)
}

async function inMemory(given: Case): Promise<string[]> {
  return on(memoryEventStore(), given)
}

async function inSqlite(given: Case): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-case-'))
  try {
    return await on(await openSqliteEventStore({ file: join(dir, 'log.db') }), given)
  } finally {
    await rm(dir, { recursive: true })
  }
}

async function on(store: EventStore, given: Case): Promise<string[]> {
  const { comms, post } = await openOn(store)
  const body = await inputOf(given)
  let status = 200
  if (given.run === 'several') {
    for (const notification of JSON.parse(new TextDecoder().decode(body))) status = (await post(JSON.stringify(notification))).status
  } else if (given.run === 'gzip') {
    status = (await post(new Uint8Array(gzipSync(body)), { headers: { 'content-encoding': 'gzip' } })).status
  } else if (given.run === 'trailing-slash') {
    status = (await post(body, { path: `${PATH}/` })).status
  } else {
    status = (await post(body, { twice: given.run === 'double-authorization' })).status
  }
  const problems = judgeFacts(given, status, await all(store))
  await comms.close()
  return problems
}

/** A message is sent; its delivery is told of another spelling of its address. */
export async function greenapiReport(given: Case): Promise<string[]> {
  const { to, statusChat } = await jsonOf<{ to: string; statusChat: string }>(given)
  const simulator = await startGreenApiSimulator({ apiToken: 'api-token-for-cases', speed: 1_000, rateLimits: false })
  const transport = greenApiTransport({
    idInstance: simulator.idInstance,
    apiToken: 'api-token-for-cases',
    webhookToken: TOKEN,
    apiUrl: simulator.url,
  })
  const comms = createComms({ store: memoryEventStore(), transports: [transport] })
  comms.start()
  const { messageId, providerMessageId } = await comms.send({ channel: 'whatsapp', to, content: { text: 'Olá' } }, { waitFor: 'sent' })
  const notification = {
    typeWebhook: 'outgoingMessageStatus',
    instanceData: { idInstance: Number(simulator.idInstance), wid: '33639980050@c.us', typeInstance: 'whatsapp' },
    timestamp: Math.floor(Date.now() / 1000),
    idMessage: providerMessageId,
    status: 'delivered',
    chatId: statusChat,
    sendByApi: true,
  }
  const headers = { authorization: `Bearer ${TOKEN}` }
  await comms.handle(new Request(PATH, { method: 'POST', body: JSON.stringify(notification), headers }))
  const report = await comms.message(messageId)
  await comms.close()
  await simulator.close()
  return differs('status', given.expected.status, report?.status)
}

async function all(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) events.push(event)
  return events
}
