import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { loadConfig } from './config.ts'
import { createLogger } from './log.ts'
import { startServer } from './server.ts'

const TOKEN = 'webhook-token-for-tests'
const AWAY = { MESSAGE_EVENT_PERSISTENCE: 'supabase', DATABASE_URL: 'postgres://comms:a-password@127.0.0.1:1/comms' }

let dir: string
let logged: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-leftovers-'))
  logged = ''
})
afterEach(() => rm(dir, { recursive: true }))

const start = (env: Record<string, string>) => {
  const config = loadConfig({
    PORT: '0',
    MESSAGE_EVENT_LOGS_DIR: dir,
    SQLITE_FILE: join(dir, 'events.db'),
    GREEN_API_WEBHOOK_TOKEN: TOKEN,
    ESPOCRM_URL: 'off',
    ...env,
  })
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk
      done()
    },
  })
  return startServer(config, createLogger(config, sink))
}
const post = async (url: string, idMessage: string) => {
  const chatId = '33639980001@c.us'
  const { status } = await fetch(`${url}/webhooks/greenapi`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      typeWebhook: 'incomingMessageReceived',
      instanceData: { idInstance: 7105000001, wid: '33639980010@c.us', typeInstance: 'whatsapp' },
      timestamp: 1_767_697_200,
      idMessage,
      senderData: { chatId, sender: chatId, senderName: 'Camille' },
      messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour' } },
    }),
  })
  return status
}
const dayFiles = async () => {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.jsonl'))
  return (await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')))).join('')
}

it('webhooks that wait in the spool are named at the start and recorded when the persistence is switched to json', async () => {
  const away = await start(AWAY)
  expect([await post(away.url, 'LEFT1'), await post(away.url, 'LEFT2')]).toEqual([200, 200])
  await away.close()
  logged = ''
  const server = await start({ MESSAGE_EVENT_PERSISTENCE: 'json' })
  expect(logged).toMatch(
    /Spool: 2 webhooks wait in \S+instance-000001, the oldest since 20\S+, of a server that is gone; they are recorded now/,
  )
  expect((await dayFiles()).match(/c\.us:LEFT[12]"/g)).toHaveLength(2)
  expect(await readdir(join(dir, 'spool'))).toEqual([])
  await server.close()
})

it('webhooks that wait in the spool, also of an older release, are recorded when the persistence is switched to sqlite', async () => {
  const away = await start(AWAY)
  expect(await post(away.url, 'LEFT1')).toBe(200)
  await away.close()
  // The file as releases before folders of instances wrote it.
  const [folder = ''] = await readdir(join(dir, 'spool'))
  const [name = ''] = (await readdir(join(dir, 'spool', folder))).filter((file) => file.startsWith('spool-'))
  const line = await readFile(join(dir, 'spool', folder, name), 'utf8')
  await writeFile(join(dir, 'spool', 'spool-000000000000007.json'), line.slice(9).replaceAll('LEFT1', 'LEFT0'))
  logged = ''
  const server = await start({ MESSAGE_EVENT_PERSISTENCE: 'sqlite' })
  expect(logged.match(/Spool: 1 webhooks wait in/g)).toHaveLength(2)
  await vi.waitFor(() => expect(logged).toMatch(/Spool: 2 events recorded, 0 webhooks still wait/), 5_000)
  await server.close()
})

it('a server without a spool does not start when it cannot record what waits in one', async () => {
  await mkdir(join(dir, 'spool'))
  await writeFile(join(dir, 'spool', 'instance-000001'), 'in the way')
  await writeFile(join(dir, 'spool', 'spool-000000000000001.json'), '{broken')
  await writeFile(join(dir, 'spool', 'set-aside'), 'in the way')
  await expect(start({ MESSAGE_EVENT_PERSISTENCE: 'json' })).rejects.toThrow(/1 webhooks in \S+spool are not recorded/)
})
