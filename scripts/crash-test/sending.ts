import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Comms, MessageStatus } from '@pipe-comms/core'
import { letterKey, type SendingPeers, startPeers } from './sending-peers.ts'
import { openComms, type SendingWorld } from './sending-ways.ts'

export interface SendingCrashReport {
  readonly requested: number
  /** Reached the provider exactly once, as the provider counts. */
  readonly takenOnce: number
  /** Reached it more often than asked for, although nobody had asked for it to be sent again. */
  readonly takenTwice: number
  /** The same, of messages with `onUncertain: 'resend'`. */
  readonly resentOnRequest: number
  /** Reported as uncertain: nobody can tell. Most of them were taken. */
  readonly uncertain: number
  readonly failed: number
  /** Not taken, and not reported as failed or uncertain either. */
  readonly forgotten: number
  readonly kills: number
  readonly seconds: number
}

interface Letter {
  readonly messageId: string
  readonly key: string
  readonly resend: boolean
}

/** A kill of a process loses nothing that it wrote, synced or not: a disk in memory serves as well, and is quicker. */
const MEMORY_DISK = '/dev/shm'
const PROCESS = fileURLToPath(new URL('./sending-process.ts', import.meta.url))
/** A minute is six seconds. */
const SPEED = 10
const LONGEST_LIFE_MS = 600
const CONTACTS = 100

/**
 * Sends messages over three faulty providers from two processes on one SQLite log, which are killed with SIGKILL again and again, and
 * counts at the providers how often each message was taken.
 */
export async function crashSending(options: { messages: number; kills: number; patienceMs: number }): Promise<SendingCrashReport> {
  const startedAt = Date.now()
  const dir = await mkdtemp(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'pipe-comms-sending-'))
  const time = { epoch: Date.now(), speed: SPEED }
  let comms: Comms | undefined
  const peers = await startPeers(time, (request) => (comms as Comms).handle(request))
  const world: SendingWorld = { ...time, file: join(dir, 'events.db'), patienceMs: options.patienceMs, ...peers.world }
  // It takes the requests and the webhooks, and sends nothing itself.
  comms = await openComms(world)
  const senders = [new Sender(world), new Sender(world)]
  try {
    const letters: Letter[] = []
    let kills = 0
    let asked = 0
    const killOn = async (sender: Sender) => {
      while (kills < options.kills) {
        kills += 1
        peers.echo(kills % 4 < 2)
        const from = asked
        asked = Math.round((options.messages * kills) / options.kills)
        const asking = lettersBetween(from, asked).map((letter) => letter(comms as Comms))
        await sender.killAndReplace()
        letters.push(...(await Promise.all(asking)))
      }
    }
    await Promise.all(senders.map(killOn))
    const outcomes = await allSettled(letters, comms, senders)
    return {
      ...(await count(letters, outcomes, await peers.taken(), comms)),
      kills: options.kills,
      seconds: Math.round((Date.now() - startedAt) / 1000),
    }
  } finally {
    for (const sender of senders) sender.end()
    await comms.close()
    await peers.close()
    await rm(dir, { recursive: true, force: true })
  }
}

class Sender {
  /** Messages whose outcome was given up on. */
  readonly uncertain = new Set<string>()
  readonly #world: SendingWorld
  #process: ChildProcess
  #started: Promise<void>

  constructor(world: SendingWorld) {
    this.#world = world
    ;[this.#process, this.#started] = this.#start()
  }

  async killAndReplace(): Promise<void> {
    await this.#started
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_LIFE_MS))
    const ended = once(this.#process, 'close')
    this.#process.kill('SIGKILL')
    await ended
    ;[this.#process, this.#started] = this.#start()
  }

  end(): void {
    this.#process.kill('SIGKILL')
  }

  #start(): [ChildProcess, Promise<void>] {
    const child = spawn(process.execPath, ['--conditions=@pipe-comms/source', PROCESS], {
      env: { PATH: process.env.PATH, SENDING_WORLD: JSON.stringify(this.#world) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    const started = new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8')
      child.stdout.on('data', (chunk: string) => {
        const lines = (said + chunk).split('\n')
        said = lines.pop() ?? ''
        for (const line of lines) {
          const [what, messageId = ''] = line.split(' ')
          if (what === 'started') resolve()
          if (what === 'uncertain') this.uncertain.add(messageId)
        }
      })
      child.once('exit', (code) => reject(new Error(`a sender ended by itself with code ${code}`)))
    })
    started.catch(() => {})
    return [child, started]
  }
}

/** 45 % WhatsApp, 45 % SMS, 10 % mail; every tenth says what others say; some mails may be sent again. */
function lettersBetween(from: number, to: number): ((comms: Comms) => Promise<Letter>)[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, part) => async (comms) => {
    const number = from + part
    const channel = number % 10 === 9 ? 'email' : number % 2 === 0 ? 'whatsapp' : 'sms'
    const contact = String(Math.floor(number / 2) % CONTACTS).padStart(2, '0')
    const to = channel === 'email' ? `lead${contact}@example.com` : channel === 'sms' ? `+120255501${contact}` : `+336399800${contact}`
    const text = Math.floor(number / 10) % 10 === 0 && channel !== 'email' ? 'Bonjour' : `Message ${number}`
    const resend = channel === 'email' && number % 50 === 49
    const { messageId } = await comms.send({
      channel,
      to,
      content: { text, ...(channel === 'email' ? { subject: 'Devis' } : {}) },
      idempotencyKey: `letter-${number}`,
      ...(resend ? { onUncertain: 'resend' as const } : {}),
    })
    return { messageId, key: letterKey(channel, to, text), resend }
  })
}

/** What the log says of messages that went wrong, for who looks for the reason. */
async function tellStories(what: string, letters: readonly Letter[], comms: Comms): Promise<void> {
  for (const { messageId, key } of letters) {
    const { events = [] } = (await comms.message(messageId)) ?? {}
    process.stderr.write(`${what}: ${key}\n`)
    for (const { type, occurredAt, recordedAt, providerMessageId = '', data } of events) {
      process.stderr.write(`  ${recordedAt} ${type} of ${occurredAt} ${providerMessageId} ${JSON.stringify(data).slice(0, 300)}\n`)
    }
  }
}

/** Waits until each message has an end that the log or a sender tells of. */
async function allSettled(
  letters: readonly Letter[],
  comms: Comms,
  senders: readonly Sender[],
): Promise<Map<string, MessageStatus['status']>> {
  const outcomes = new Map<string, MessageStatus['status']>()
  for (let open = letters; open.length > 0; ) {
    const left: Letter[] = []
    for (const letter of open) {
      const status = (await comms.message(letter.messageId))?.status ?? 'requested'
      const reported = senders.some(({ uncertain }) => uncertain.has(letter.messageId))
      if (SETTLED.has(status) || (status === 'uncertain' && reported)) outcomes.set(letter.messageId, status)
      else left.push(letter)
      // The providers live in this process: kept waiting for minutes of their time, they would take a message that was long given up.
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    open = left
    if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return outcomes
}

const SETTLED = new Set(['sent', 'delivered', 'read', 'failed'])

async function count(
  letters: readonly Letter[],
  outcomes: ReadonlyMap<string, string>,
  taken: Awaited<ReturnType<SendingPeers['taken']>>,
  comms: Comms,
) {
  const is = (outcome: string) => letters.filter(({ messageId }) => outcomes.get(messageId) === outcome).length
  let [takenOnce, takenTwice, resentOnRequest, forgotten] = [0, 0, 0, 0]
  const byKey = new Map<string, Letter[]>()
  for (const letter of letters) byKey.set(letter.key, [...(byKey.get(letter.key) ?? []), letter])
  for (const [key, same] of byKey) {
    const times = taken.get(key) ?? 0
    const told = same.filter(({ messageId }) => ['failed', 'uncertain'].includes(outcomes.get(messageId) ?? '')).length
    takenOnce += Math.min(times, same.length)
    const tooOften = Math.max(0, times - same.length)
    const untold = Math.max(0, same.length - times - told)
    if (same.some(({ resend }) => resend)) resentOnRequest += tooOften
    else takenTwice += tooOften
    forgotten += untold
    if (tooOften > 0) await tellStories(`taken ${times} times`, same, comms)
    if (untold > 0) await tellStories(`taken ${times} times of ${same.length}`, same, comms)
  }
  return { requested: letters.length, takenOnce, takenTwice, resentOnRequest, uncertain: is('uncertain'), failed: is('failed'), forgotten }
}
