import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { silentLogger, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { LogGrowth } from './log-growth.ts'
import { reportMessage } from './message-report.ts'
import { Outbox } from './outbox.ts'
import { recordRequest } from './send.ts'
import { type Answer, PigeonPost } from './testing/pigeon-post.ts'
import { VirtualTime } from './testing/virtual-time.ts'

type Act =
  | { readonly act: 'request'; readonly to: number; readonly says: number; readonly resend: boolean }
  | {
      readonly act: 'callback'
      readonly of: number
      readonly type: 'message.sent' | 'message.delivered' | 'message.read' | 'message.failed'
      readonly named: 'ours' | 'theirs'
    }
  | { readonly act: 'echo'; readonly of: number }
  | { readonly act: 'crash'; readonly which: number }
  | { readonly act: 'start' }
  | { readonly act: 'reachable'; readonly reachable: boolean }
  | { readonly act: 'pass'; readonly ms: number }

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('request' as const), to: fc.nat(3), says: fc.nat(2), resend: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('callback' as const),
      of: fc.nat(9),
      type: fc.constantFrom('message.sent' as const, 'message.delivered' as const, 'message.read' as const, 'message.failed' as const),
      named: fc.constantFrom('ours' as const, 'theirs' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('echo' as const), of: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('crash' as const), which: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('start' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('reachable' as const), reachable: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.constantFrom(1, 20, 300, 4_000, 30_000, 300_000) }) },
)
const answers = fc.array(
  fc.constantFrom<Answer>('take', 'reject', 'unavailable', 'busy', 'misconfigured', 'hang-after-taking', 'lose-before-taking'),
  { maxLength: 20 },
)

/** A log that a process can be cut off from: what it appends after its crash never happens, and it is never answered. */
function cable(store: EventStore): { store: EventStore; cut(): void } {
  let cut = false
  const never = new Promise<never>(() => {})
  return {
    store: { ...store, append: async (requests) => (cut ? never : store.append(requests).then((results) => (cut ? never : results))) },
    cut: () => {
      cut = true
    },
  }
}

it('any interleaving of requests, answers, callbacks, echoes, crashes and restarts ends in a legal state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { maxLength: 40 }), answers, fc.boolean(), async (story, told, reconciles) => {
      const time = new VirtualTime()
      const growth = new LogGrowth()
      const store = growth.watch(memoryEventStore({ clock: time.clock }))
      const post = new PigeonPost({ reconciles })
      post.answers = [...told]
      const runtime = { clock: time.clock, ids: uuidSource, logger: silentLogger }
      const requested: { readonly id: string; readonly to: string; readonly text: string; readonly resend: boolean }[] = []
      let unreachable = false
      const alive: { readonly outbox: Outbox; cut(): void }[] = []
      const start = () => {
        const wire = cable(store)
        const outbox = new Outbox({
          store: wire.store,
          transports: [post.transport],
          ...runtime,
          sleep: time.sleep,
          random: () => 0,
          attemptTimeoutMs: 5_000,
          reportUncertainAfterMs: 1_800_000,
          giveUpAfterMs: 3_600_000,
          pollMs: 60_000,
        })
        growth.onGrown((recorded) => outbox.heard(recorded))
        outbox.start()
        alive.push({ outbox, cut: wire.cut })
      }
      const crash = (which: number) => {
        const [process] = alive.splice(which % Math.max(1, alive.length), 1)
        process?.cut()
        void process?.outbox.stop({ abort: true })
      }
      const record = async (fact: EventFact) => {
        const event = createEvent(fact, runtime)
        await store.append([{ streamId: streamIdOf(event), events: [event] }])
      }
      const about = (of: number, key: string) => {
        const message = requested[of % Math.max(1, requested.length)]
        if (!message || !post.taken.includes(message.id)) return undefined
        const { providerMessageId } = post.receiptOf(message.id)
        return {
          idempotencyKey: `${key}:${message.id}`,
          channel: 'pigeon',
          provider: 'pigeon',
          direction: 'outbound' as const,
          contact: parseContactAddress(message.to),
          messageId: `pigeon:${providerMessageId}`,
          providerMessageId,
          ours: message.id,
        }
      }

      for (const step of story) {
        if (step.act === 'request') {
          const to = `+3363998000${step.to}`
          const text = `message ${step.says}`
          const event = await recordRequest(
            { channel: 'pigeon', to, content: { text }, onUncertain: step.resend ? 'resend' : 'report' },
            { store, transports: [post.transport], ...runtime },
          )
          requested.push({ id: event.messageId, to, text, resend: step.resend })
        } else if (step.act === 'callback') {
          const { ours, ...fact } = about(step.of, step.type) ?? {}
          const data =
            step.type === 'message.failed'
              ? { error: { code: 'lost', class: 'provider' } }
              : step.type === 'message.sent'
                ? { origin: 'api' }
                : {}
          if (ours) await record({ ...fact, type: step.type, data, ...(step.named === 'ours' ? { messageId: ours } : {}) } as EventFact)
        } else if (step.act === 'echo') {
          const { ours, ...fact } = about(step.of, 'echo') ?? {}
          const text = requested.find(({ id }) => id === ours)?.text
          if (ours) await record({ ...fact, type: 'message.sent', data: { origin: 'api', content: { text } } } as EventFact)
        } else if (step.act === 'crash') crash(step.which)
        else if (step.act === 'start' && alive.length < 3) start()
        else if (step.act === 'reachable') {
          post.reachable = step.reachable
          unreachable ||= !step.reachable
        } else if (step.act === 'pass') await time.pass(step.ms)
      }
      post.reachable = true
      start()
      await time.pass(8_000_000)

      const log: RecordedEvent[] = []
      for await (const event of store.readAll()) log.push(event)
      for (const { id, resend } of requested) {
        const times = post.taken.filter((taken) => taken === id).length
        const status = (await reportMessage(store, id))?.status as string
        const attempts = log.filter((event) => event.type === 'message.attempted' && event.messageId === id)
        // Never twice, unless the caller allowed it; never forgotten; and never told what is not so.
        if (!resend || (reconciles && !unreachable)) expect(times).toBeLessThanOrEqual(1)
        expect(['sent', 'delivered', 'read', 'failed', 'uncertain']).toContain(status)
        if (['sent', 'delivered', 'read'].includes(status)) expect(times).toBeGreaterThanOrEqual(1)
        if (status === 'uncertain') expect(reconciles).toBe(false)
        expect(attempts.map((event) => event.type === 'message.attempted' && event.data.attempt)).toEqual(
          attempts.map((_, index) => index + 1),
        )
      }
      const order = requested.filter(({ id }) => post.taken.includes(id))
      for (const [index, { id, to }] of order.entries()) {
        const doubtful = (message: string) => log.some((event) => event.type === 'message.uncertain' && event.messageId === message)
        for (const earlier of order.slice(0, index)) {
          if (earlier.to !== to || doubtful(earlier.id) || doubtful(id)) continue
          expect(post.taken.indexOf(earlier.id)).toBeLessThan(post.taken.indexOf(id))
        }
      }
      for (const index of [...alive.keys()]) crash(index)
    }),
    { numRuns: 50 },
  )
}, 120_000)
