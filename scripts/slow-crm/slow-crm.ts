import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Comms, createComms, eventCache, silentLogger } from '@pipe-comms/core'
import { espoCrmDirectory } from '@pipe-comms/leads-espocrm'
import { type EspoCrmSimulator, espoCrmSimulator } from '@pipe-comms/simulators'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'

export interface SlowCrmOptions {
  readonly messages: number
  readonly contacts: number
  /** Messages a second. */
  readonly rate: number
  /** How long the CRM is dead, in milliseconds, from a fifth of the way on. */
  readonly deadMs: number
  readonly latencyMs: number
  /** Share of requests that fail, from 0 to 1. */
  readonly failing: number
  readonly budgetMs: number
}

export interface SlowCrmReport {
  readonly messages: number
  readonly acknowledged: number
  readonly lost: number
  readonly doubled: number
  /** From the request to its answer, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** The longest answer to a group's message, sent all along: a group is nobody's lead, so this is the machine without a CRM. */
  readonly controlMaxMs: number
  /** Answers later than the budget, 100 ms, and twice the slowest control of the same seconds. */
  readonly overBudget: number
  readonly withLeadInTime: number
  readonly knownContacts: number
  readonly tied: number
  readonly wronglyTied: number
  readonly questions: number
  readonly mostInFlightForOneContact: number
  /** From the return of the CRM until every known contact was tied, in milliseconds. */
  readonly tiedAfterMs: number
}

const TOKEN = 'webhook-token-for-tests'
/** The CRM does not know every sixth contact. */
const isKnown = (contact: number) => contact % 6 !== 0
const WARM = 100
const GROUP = '120363000000000001@g.us'
/** Between the timer of the budget and the answer. */
const GRACE_MS = 100
const CONTROL_EVERY_MS = 20

/** Messages come in through the webhook while their CRM is slow, fails, and dies for a while. */
export async function runSlowCrm(options: SlowCrmOptions): Promise<SlowCrmReport> {
  const { messages, contacts, rate, deadMs, budgetMs } = options
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-slow-crm-'))
  const { crm, watched, directory } = openCrm(options)
  const store = eventCache({ store: await openSqliteEventStore({ file: join(dir, 'events.db') }), maxPending: 100_000 })
  const comms = createComms({
    store,
    transports: [greenApiTransport({ idInstance: '7105000001', webhookToken: TOKEN })],
    leads: { directory, budgetMs, maxInFlight: 8 },
    logger: silentLogger,
  })
  comms.start()

  const answers: Answer[] = []
  const controls: Answer[] = []
  let acknowledged = 0
  let controlled = 0
  const send = async (request: Request, to: Answer[]) => {
    const sentAt = performance.now()
    const { status } = await comms.handle(request)
    to.push({ sentAt, tookMs: performance.now() - sentAt })
    if (status === 200) acknowledged += 1
  }
  // They make the process warm, and their times do not count.
  for (let warm = 0; warm < WARM; warm += 1) await send(notification(`W${warm}`, GROUP), [])
  const startedAt = performance.now()
  const deadFrom = (messages / rate) * 200
  let aliveAt = 0
  const underWay = new Set<Promise<void>>()
  for (let sent = 0; sent < messages || aliveAt === 0; ) {
    const elapsed = performance.now() - startedAt
    crm.faults.failWith =
      elapsed > deadFrom && elapsed < deadFrom + deadMs ? () => 503 : () => (Math.random() < options.failing ? 500 : undefined)
    if (aliveAt === 0 && elapsed >= deadFrom + deadMs) aliveAt = performance.now()
    const begin = (sending: Promise<void>) => {
      underWay.add(sending)
      void sending.finally(() => underWay.delete(sending))
    }
    for (const due = elapsed / CONTROL_EVERY_MS; controlled < due; controlled += 1)
      begin(send(notification(`C${controlled}`, GROUP), controls))
    for (const due = Math.min(messages, (elapsed / 1000) * rate); sent < due; sent += 1) {
      begin(send(notification(`M${sent}`, `${phoneOf(sent % contacts).slice(1)}@c.us`), answers))
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(underWay)
  const known = Array.from({ length: Math.min(contacts, messages) }, (_, contact) => contact).filter(isKnown).length
  await untilTied(comms, known)
  const tiedAfterMs = Math.round(performance.now() - aliveAt)
  const { asked = 0 } = comms.leadState?.() ?? {}
  const log = await readLog(store)
  await comms.close()
  await rm(dir, { recursive: true })

  const durations = answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  const at = (share: number) => Math.round(durations[Math.min(durations.length - 1, Math.floor(durations.length * share))] ?? 0)
  return {
    messages,
    acknowledged: acknowledged - WARM - controlled,
    lost: acknowledged - log.received.size,
    doubled: log.doubled,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    controlMaxMs: Math.round(Math.max(...controls.map(({ tookMs }) => tookMs))),
    overBudget: overBudget(answers, controls, budgetMs),
    withLeadInTime: log.inTime,
    knownContacts: known,
    tied: log.tied.size,
    wronglyTied: log.wronglyTied,
    questions: asked,
    mostInFlightForOneContact: watched.most,
    tiedAfterMs,
  }
}

interface Answer {
  readonly sentAt: number
  readonly tookMs: number
}

/**
 * Compared with the controls of the second before, the same and the next: what slows those is not the CRM. Twice, for who waits gets its
 * turn in a busy process once before the wait and once after it.
 */
function overBudget(answers: readonly Answer[], controls: readonly Answer[], budgetMs: number): number {
  const slowest = new Map<number, number>()
  const second = ({ sentAt }: Answer) => Math.floor(sentAt / 1000)
  for (const control of controls) slowest.set(second(control), Math.max(slowest.get(second(control)) ?? 0, control.tookMs))
  const machineMs = (answer: Answer) => Math.max(...[-1, 0, 1].map((near) => slowest.get(second(answer) + near) ?? 0))
  return answers.filter((answer) => answer.tookMs > budgetMs + GRACE_MS + 2 * machineMs(answer)).length
}

function openCrm({ contacts, latencyMs }: SlowCrmOptions) {
  const crm: EspoCrmSimulator = espoCrmSimulator({ apiKey: 'key' })
  for (let contact = 0; contact < contacts; contact += 1) {
    if (isKnown(contact))
      crm.create(contact % 3 === 0 ? 'Contact' : 'Lead', {
        id: `record-${contact}`,
        name: `Person ${contact}`,
        phoneNumber: phoneOf(contact),
      })
  }
  crm.faults.latencyMs = latencyMs
  const plain = espoCrmDirectory({
    url: 'https://crm.example.com',
    apiKey: 'key',
    defaultRegion: 'FR',
    fetch: (url, init) => crm.fetch(new Request(url, init)),
  })
  const underWay = new Map<string, number>()
  const watched = { most: 0 }
  const findByAddresses: typeof plain.findByAddresses = async (addresses, given) => {
    for (const { value } of addresses) {
      const now = (underWay.get(value) ?? 0) + 1
      underWay.set(value, now)
      watched.most = Math.max(watched.most, now)
    }
    try {
      return await plain.findByAddresses(addresses, given)
    } finally {
      for (const { value } of addresses) underWay.set(value, (underWay.get(value) ?? 1) - 1)
    }
  }
  return { crm, watched, directory: { ...plain, findByAddresses } }
}

/** 555-0100 to 555-0199 of each area: reserved for fiction. */
function phoneOf(contact: number): string {
  return `+1${201 + Math.floor(contact / 100)}55501${String(contact % 100).padStart(2, '0')}`
}

function contactOf(phone: string): number {
  return (Number(phone.slice(2, 5)) - 201) * 100 + Number(phone.slice(-2))
}

function notification(idMessage: string, chatId: string): Request {
  const body = {
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: 7105000001, wid: '33639980010@c.us', typeInstance: 'whatsapp' },
    timestamp: 1_767_697_200,
    idMessage,
    senderData: { chatId, sender: chatId === GROUP ? '33639980001@c.us' : chatId, senderName: 'Camille' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: `Bonjour ${idMessage}` } },
  }
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
  return new Request('https://comms.example.com/webhooks/greenapi', { method: 'POST', headers, body: JSON.stringify(body) })
}

const LONGEST_WAIT_MS = 180_000

async function untilTied(comms: Comms, known: number): Promise<void> {
  for (const until = performance.now() + LONGEST_WAIT_MS; performance.now() < until; ) {
    if ((comms.leadState?.().correlated ?? 0) >= known) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function readLog(store: ReturnType<typeof eventCache>) {
  const received = new Set<string>()
  const tied = new Set<string>()
  let [doubled, inTime, wronglyTied] = [0, 0, 0]
  for await (const event of store.readAll()) {
    if (event.type === 'message.received') {
      if (received.has(event.providerMessageId)) doubled += 1
      received.add(event.providerMessageId)
      if (event.lead) inTime += 1
    }
    if (!event.lead || !event.contact) continue
    tied.add(event.contact.value)
    if (event.lead.id !== `record-${contactOf(event.contact.value)}`) wronglyTied += 1
  }
  return { received, doubled, inTime, tied, wronglyTied }
}
