import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Comms, createComms } from '../comms.ts'
import { collect } from '../conformance/runner.ts'
import { deliveryOf, deliveryStatus } from '../consumers/delivery-status.ts'
import { project } from '../consumers/projection.ts'
import { CommsError } from '../errors.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { eventCache } from '../store/event-cache.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { Transport } from '../transport/transport.ts'
import { bodyText } from '../transport/webhook-request.ts'

/** To which we send, and what the provider may call the same person: without the 9 of Brazil, by a privacy id. */
const ADDRESSES = ['+5531987654321', '+553187654321', '203040506070809@lid']
const STREAM = `pigeon:${ADDRESSES[0]}`
const RANKS = ['requested', 'attempted', 'uncertain', 'sent', 'failed', 'delivered', 'read']
const STATUSES = ['sent', 'failed', 'delivered', 'read'] as const

interface Report {
  readonly status: (typeof STATUSES)[number]
  readonly address: number
  readonly named: 'ours' | 'theirs'
  readonly instance: number
  readonly findFails: boolean
}
type Step = Report | 'answer' | 'restart'

const report: fc.Arbitrary<Report> = fc.record({
  status: fc.constantFrom(...STATUSES),
  address: fc.nat(2),
  named: fc.constantFrom('ours' as const, 'theirs' as const),
  instance: fc.nat(1),
  findFails: fc.boolean(),
})
/** The same reports in two orders, each with the provider's answer to the send call anywhere between. */
const histories = fc.tuple(fc.array(report, { minLength: 1, maxLength: 5 }), fc.boolean()).chain(([reports, lost]) => {
  const steps: Step[] = [...reports, 'answer', 'restart']
  const order = () => fc.shuffledSubarray(steps, { minLength: steps.length })
  const repeats = fc.subarray(reports)
  return fc.record({ reports: fc.constant(reports), lost: fc.constant(lost), one: order(), other: order(), repeats })
})

function factOf({ status, address, named }: Report, messageId: string): EventFact {
  const providerMessageId = `p-${messageId}`
  const data = { sent: { origin: 'api' }, failed: { error: { code: 'lost', class: 'provider' } }, delivered: {}, read: {} }[status]
  return {
    type: `message.${status}`,
    idempotencyKey: `${status}:${address}:${named}`,
    channel: 'pigeon',
    provider: 'pigeon',
    account: 'loft',
    direction: 'outbound',
    contact: parseContactAddress(ADDRESSES[address] as string),
    messageId: named === 'ours' ? messageId : `pigeon:${providerMessageId}`,
    providerMessageId,
    data,
  } as EventFact
}

/** Runs a history through real webhooks of two instances and a real outbox, and returns all that is shown of the message. */
async function shownAfter(steps: readonly Step[], lost: boolean) {
  const log = memoryEventStore()
  let findFails = false
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const transport: Transport = {
    id: 'pigeon',
    channel: 'pigeon',
    account: 'loft',
    send: async ({ messageId }) => {
      await answered
      if (lost) throw new CommsError('send_uncertain', 'the answer was lost')
      return { providerMessageId: `p-${messageId}` }
    },
    reconciler: { reconcile: async ({ messageId }) => ({ providerMessageId: `p-${messageId}` }) },
    webhooks: [{ path: '/pigeon', methods: ['POST'], verify: () => {}, parse: (request) => [JSON.parse(bodyText(request))] }],
  }
  const open = (): Comms => {
    const shared: EventStore = {
      append: (requests) => log.append(requests),
      find: async (key) => {
        if (findFails) throw new CommsError('store_unavailable', 'the database is away')
        return log.find(key)
      },
      readStream: (streamId, options) => log.readStream(streamId, options),
      readAll: (options) => log.readAll(options),
      close: async () => {},
    }
    return createComms({ store: eventCache({ store: shared }), transports: [transport], outbox: { firstReconcileMs: 1 } })
  }
  const instances = [open(), open()] as [Comms, Comms]
  instances[0].start()
  const request = { channel: 'pigeon', to: ADDRESSES[0] as string, content: { text: 'coo' }, idempotencyKey: 'once' }
  const { messageId } = await instances[0].send(request)
  const until = async (reached: () => Promise<boolean | undefined>) => {
    while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await until(async () => (await collect(log.readStream(STREAM))).some(({ type }) => type === 'message.attempted'))
  for (const step of steps) {
    if (step === 'answer') {
      answer()
      if (!lost) await until(async () => (await log.find(`sent:pigeon:loft:p-${messageId}`)) !== undefined)
    } else if (step === 'restart') {
      await instances[1].close()
      instances[1] = open()
    } else {
      findFails = step.findFails
      const body = JSON.stringify(factOf(step, messageId))
      const answer = await (instances[step.instance] as Comms).handle(
        new Request('https://comms.example.com/pigeon', { method: 'POST', body }),
      )
      findFails = false
      expect(answer.status).toBe(200)
    }
  }
  await until(async () => RANKS.indexOf((await instances[1].message(messageId))?.status ?? 'requested') >= RANKS.indexOf('sent'))
  // The outbox points to reports in other streams a moment after it reads them.
  const isReport = (key: string) => /^[a-z]+:[0-2]:/.test(key)
  const recorded = new Set((await collect(log.readAll())).map(({ idempotencyKey }) => idempotencyKey).filter(isReport))
  const shown = async () => (await instances[1].message(messageId))?.events.filter(({ idempotencyKey }) => isReport(idempotencyKey)) ?? []
  const deadline = performance.now() + 2_000
  await until(async () => (await shown()).length >= recorded.size || performance.now() > deadline)
  const message = await instances[1].message(messageId)
  const { state } = await project(log.readAll(), deliveryStatus)
  const conversations = await instances[1].conversations()
  const others = await Promise.all(
    ADDRESSES.slice(1).map((address) => instances[1].conversation(`pigeon:${parseContactAddress(address).value}`)),
  )
  const waited = await instances[0].send(request, { waitFor: 'sent', timeoutMs: 5_000 })
  const own = (await instances[1].conversation(STREAM)).messages.map((one) => one.messageId === messageId)
  for (const instance of instances) await instance.close()
  return {
    status: message?.status,
    projected: deliveryOf(state, messageId)?.status,
    reports: message?.events.map(({ idempotencyKey }) => idempotencyKey).filter((key) => /^[a-z]+:[0-2]:/.test(key)),
    positionsRise: message?.events.every(({ position }, index, all) => index === 0 || (all[index - 1]?.position ?? '') < position),
    conversations: conversations.map(({ streamId, outbound }) => [streamId, outbound]),
    own: own.slice(0, 1),
    others: others.flatMap(({ messages }) => messages),
    waited: waited.status,
  }
}

it('shows every report on a message of ours, whichever address and name the provider used, whenever it came, on two instances', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async ({ reports, lost, one, other, repeats }) => {
      const status = reports.reduce(
        (best, told) => (RANKS.indexOf(told.status) > RANKS.indexOf(best) ? told.status : best),
        'sent' as string,
      )
      for (const steps of [one, [...other, ...repeats]]) {
        const { reports: facts = [], ...shown } = await shownAfter(steps, lost)
        expect(shown).toEqual({
          status,
          projected: status,
          positionsRise: true,
          conversations: [[STREAM, 1]],
          own: [true],
          others: [],
          waited: status,
        })
        expect(facts.sort()).toEqual([...new Set(reports.map((told) => `${told.status}:${told.address}:${told.named}`))].sort())
      }
    }),
    { numRuns: 60 },
  )
}, 120_000)
