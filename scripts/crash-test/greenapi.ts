import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GreenApiSimulator, startGreenApiSimulator } from '@pipe-comms/simulators'
import { countKeys, countLines, startServer } from './server-process.ts'

export interface GreenApiCrashReport {
  /** Messages that leads wrote. */
  readonly messages: number
  /** Notifications of a type that nobody knows, or that are no JSON. */
  readonly poison: number
  /** Webhooks that were answered with 200, repeats included. */
  readonly taken: number
  /** Webhooks that were not, and came again. */
  readonly refused: number
  /** Different messages in the day files. */
  readonly recorded: number
  readonly quarantined: number
  /** Messages that are not in the day files. */
  readonly lost: number
  /** Keys that are in the day files more than once. */
  readonly doubled: number
  /** Lines of the day files with a token in them. */
  readonly leaked: number
  readonly restarts: number
  readonly seconds: number
}

/** A process that is killed loses nothing that it wrote, synced or not: a disk in memory serves as well, and is quicker. */
const MEMORY_DISK = '/dev/shm'
const TOKEN = 'crash-test-token'
const LEADS = 50
const EVERY_TENTH = 10
const EVERY_200TH = 200
/** 180 s for an answer become 300 ms, the pause of 60 s becomes 100 ms. */
const SPEED = 600

/**
 * Lets a simulated Green-API instance push to a real server: a tenth of the notifications come twice, a tenth out of order, and one in
 * a hundred is poison, while the server is stopped and started again, every other time by SIGKILL.
 */
export async function crashGreenApi({ messages, restarts }: { messages: number; restarts: number }): Promise<GreenApiCrashReport> {
  const startedAt = Date.now()
  const dir = await mkdtemp(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'pipe-comms-greenapi-'))
  const greenApi = await startGreenApiSimulator({ speed: SPEED, settings: { incomingWebhook: 'yes', webhookUrlToken: TOKEN } })
  const env = {
    PORT: String(await freePort()),
    GREEN_API_INSTANCE_ID: greenApi.idInstance,
    GREEN_API_TOKEN: greenApi.apiToken,
    GREEN_API_WEBHOOK_TOKEN: TOKEN,
    GREEN_API_URL: greenApi.url,
  }
  let server = await startServer(dir, env)
  try {
    for (const what of ['duplicate', 'reorder'] as const)
      greenApi.fault({ on: 'notification', do: what, every: EVERY_TENTH, times: Number.POSITIVE_INFINITY })
    for (const what of ['unknown-type', 'malformed'] as const)
      greenApi.fault({ on: 'notification', do: what, every: EVERY_200TH, times: Number.POSITIVE_INFINITY })
    const keys = Array.from({ length: messages }, (_, index) => {
      const lead = greenApi.lead(`336399800${String(index % LEADS).padStart(2, '0')}`)
      return `greenapi:${greenApi.idInstance}:received:${lead.chatId}:${lead.writes(`message ${index}`)}`
    })
    greenApi.configure({ webhookUrl: `${server.url}/webhooks/greenapi` })

    for (let turn = 1; turn <= restarts; turn += 1) {
      await takenAtLeast(greenApi, (messages * turn) / (restarts + 1))
      await stop(server.process, turn % 2 === 1 ? 'SIGKILL' : 'SIGTERM')
      server = await startServer(dir, env)
    }
    await greenApi.quiet()
    await stop(server.process, 'SIGTERM')

    const found = await countKeys(dir)
    return {
      messages,
      poison: 2 * Math.floor(messages / EVERY_200TH),
      ...greenApi.pushed,
      recorded: keys.filter((key) => found.has(key)).length,
      quarantined: [...found.keys()].filter((key) => key.startsWith('quarantine:')).length,
      lost: keys.filter((key) => !found.has(key)).length,
      doubled: [...found.values()].filter((count) => count > 1).length,
      leaked: await countLines(dir, [TOKEN, greenApi.apiToken]),
      restarts,
      seconds: Math.round((Date.now() - startedAt) / 1000),
    }
  } finally {
    server.process.kill('SIGKILL')
    await greenApi.close()
    await rm(dir, { recursive: true, force: true })
  }
}

async function takenAtLeast(greenApi: GreenApiSimulator, count: number): Promise<void> {
  while (greenApi.pushed.taken < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function stop(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(server, 'exit')
  server.kill(signal)
  await ended
}

/** A port that was free a moment ago: the server must come back on the same one. */
async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
