import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../conformance/runner.ts'
import { CommsError } from '../errors.ts'
import { type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import type { NewEvent } from '../events/message-event.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import { silentLogger, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { correlateByHand, uncorrelateByHand } from './by-hand.ts'
import { LeadBook } from './lead-book.ts'
import { LeadCorrelator } from './lead-correlator.ts'
import type { Lead, LeadDirectory } from './lead-directory.ts'
import type { LeadOptions } from './lead-options.ts'
import { leadOf } from './lead-ties.ts'

const PHONE = parseContactAddress('+33639980001')
const MAIL = parseContactAddress('alex@example.com')
const LID = parseContactAddress('100000000000001@lid')

/** A directory whose answers the test gives out. */
class Desk implements LeadDirectory {
  readonly id = 'desk'
  readonly people = new Map<string, Lead[]>()
  /** The addresses of each question, in order. */
  readonly questions: string[][] = []
  /** Questions under way, by address, and the most there ever were for one. */
  readonly underWay = new Map<string, number>()
  mostForOne = 0
  /** An address for which it cannot answer. */
  poison: string | undefined
  answer: 'at-once' | 'when-told' | 'never' | CommsError = 'at-once'
  #held: (() => void)[] = []

  knows(address: ContactAddress, over: Partial<Lead> = {}): void {
    const lead: Lead = {
      id: `lead-${address.value}`,
      type: 'Lead',
      name: 'Alex',
      kind: 'lead',
      stage: 'open',
      match: { rule: 'phone', certainty: 'certain' },
      ...over,
    }
    this.people.set(address.value, [lead])
  }

  release(): void {
    this.answer = 'at-once'
    for (const go of this.#held.splice(0)) go()
  }

  findByAddresses = async (addresses: readonly ContactAddress[], { signal }: { signal: AbortSignal }) => {
    this.questions.push(addresses.map(({ value }) => value))
    for (const { value } of addresses) {
      const now = (this.underWay.get(value) ?? 0) + 1
      this.underWay.set(value, now)
      this.mostForOne = Math.max(this.mostForOne, now)
    }
    try {
      const { answer } = this
      if (answer instanceof CommsError) throw answer
      if (addresses.some(({ value }) => value === this.poison)) throw new TypeError('desk: stumbled')
      if (answer === 'when-told') await new Promise<void>((resolve) => this.#held.push(resolve))
      if (answer === 'never') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return new Map(addresses.map(({ value }) => [value, this.people.get(value) ?? []]))
    } finally {
      for (const { value } of addresses) this.underWay.set(value, (this.underWay.get(value) ?? 1) - 1)
    }
  }
}

let now: number
let store: EventStore
let desk: Desk
let book: LeadBook
let correlator: LeadCorrelator
let warnings: string[]
let correlated: string[]
let count: number
const clock = { now: () => now, monotonic: () => now }
const runtime = () => ({ store, book, clock, ids: uuidSource })

function open(options: Partial<LeadOptions> = {}): void {
  book = new LeadBook(store)
  const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) }
  const onCorrelated = ({ contact, lead }: NewEvent) => correlated.push(`${contact?.value} ${lead?.id}`)
  correlator = new LeadCorrelator({ ...runtime(), directory: desk, logger, pollMs: 5, random: () => 0, onCorrelated, ...options })
}
beforeEach(() => {
  now = Date.parse('2026-01-06T10:00:00Z')
  store = memoryEventStore({ clock })
  desk = new Desk()
  warnings = []
  correlated = []
  count = 0
  open()
})
afterEach(() => correlator.stop())

function wrote(contact: ContactAddress, direction: 'inbound' | 'outbound' = 'inbound'): NewEvent {
  count += 1
  const envelope = { channel: 'whatsapp', provider: 'test', contact, messageId: `m-${count}`, idempotencyKey: `${direction}-${count}` }
  return direction === 'inbound'
    ? createEvent(
        { ...envelope, type: 'message.received', direction, providerMessageId: `m-${count}`, data: {} },
        { clock, ids: uuidSource },
      )
    : createEvent({ ...envelope, type: 'message.delivered', direction, data: {} }, { clock, ids: uuidSource })
}
/** What ingest does with an event. */
async function take(event: NewEvent): Promise<NewEvent> {
  const [enriched = event] = await correlator.correlate([event])
  await store.append([{ streamId: streamIdOf(enriched), events: [enriched] }])
  return enriched
}
const tieOf = (contact: ContactAddress) => leadOf(book.state, contact.value)?.id

describe('an event that comes in', () => {
  it('gets its lead when the directory answers in time', async () => {
    desk.knows(PHONE)
    expect((await take(wrote(PHONE))).lead).toMatchObject({ id: 'lead-+33639980001', directory: 'desk', rule: 'phone' })
  })

  it('waits no longer than the budget', async () => {
    desk.answer = 'never'
    const slept: number[] = []
    open({ sleep: async (ms) => void slept.push(ms) })
    expect((await take(wrote(PHONE))).lead).toBeUndefined()
    expect(slept).toEqual([150])
  })

  it('is asked for once, however many come while the answer is under way, and together with others', async () => {
    desk.answer = 'when-told'
    desk.knows(PHONE)
    const events = correlator.correlate([wrote(PHONE), wrote(MAIL), wrote(PHONE)])
    const more = Array.from({ length: 50 }, () => correlator.correlate([wrote(PHONE)]))
    await Promise.resolve()
    desk.release()
    expect((await events).map(({ lead }) => lead?.id)).toEqual(['lead-+33639980001', undefined, 'lead-+33639980001'])
    await Promise.all(more)
    expect([desk.questions, desk.mostForOne]).toEqual([[[PHONE.value, MAIL.value]], 1])
  })

  it('is not asked for again while the answer is believed, found or not', async () => {
    desk.knows(PHONE)
    for (let time = 0; time < 5; time += 1) await correlator.correlate([wrote(PHONE), wrote(MAIL)])
    expect(desk.questions).toHaveLength(1)
    now += 300_001
    await correlator.correlate([wrote(PHONE), wrote(MAIL)])
    expect(desk.questions.slice(1)).toEqual([[MAIL.value]])
  })

  it('never waits for a group, a privacy id or the status of our own message', async () => {
    desk.answer = 'never'
    open({
      sleep: async () => {
        throw new Error('waited')
      },
    })
    for (const event of [wrote(parseContactAddress('120363000000000001@g.us')), wrote(LID), wrote(PHONE, 'outbound')]) await take(event)
  })

  it('keeps the lead that a transport gave it', async () => {
    const lead = { id: 'own', directory: 'other', rule: 'given', certainty: 'certain' as const }
    expect((await correlator.correlate([{ ...wrote(PHONE), lead }]))[0]?.lead).toEqual(lead)
  })
})

describe('a directory that is down', () => {
  it('costs nothing once it is known to be, and is tried again later by one question alone', async () => {
    desk.answer = new CommsError('directory_unavailable', 'desk: closed')
    for (let time = 0; time < 20; time += 1) await correlator.correlate([wrote(parseContactAddress(`+336399800${10 + time}`))])
    expect(desk.questions).toHaveLength(5)
    expect([correlator.state().available, warnings]).toEqual([false, [expect.stringContaining('desk is left alone for 1 s')]])
    now += 1000
    desk.answer = 'when-told'
    const first = correlator.correlate([wrote(PHONE)])
    await Promise.resolve()
    await correlator.correlate([wrote(MAIL)])
    expect(desk.questions.slice(5)).toEqual([[PHONE.value]])
    desk.release()
    await first
    expect(correlator.state().available).toBe(true)
  })

  it('that refuses our key is left alone at once, for as long as it says', async () => {
    desk.answer = new CommsError('directory_misconfigured', 'desk: wrong key', { retryAfterMs: 300_000 })
    await correlator.correlate([wrote(PHONE)])
    await correlator.correlate([wrote(MAIL)])
    expect([desk.questions.length, warnings.length]).toEqual([1, 1])
  })

  it('for one address does not keep the others from their answers, and is not asked about it every moment', async () => {
    desk.knows(PHONE)
    desk.poison = MAIL.value
    const others = Array.from({ length: 6 }, (_, index) => parseContactAddress(`+3363998003${index}`))
    const events = await correlator.correlate([PHONE, MAIL, ...others].map((contact) => wrote(contact)))
    expect(events[0]?.lead?.id).toBe('lead-+33639980001')
    expect(correlator.state().available).toBe(true)
    await take(wrote(MAIL))
    correlator.start()
    await expect.poll(() => warnings.length).toBe(1)
    const asked = desk.questions.length
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(desk.questions).toHaveLength(asked)
  })

  it('that gives records no event can hold is not believed', async () => {
    desk.knows(PHONE, { id: '' })
    expect((await take(wrote(PHONE))).lead).toBeUndefined()
  })

  it('does not hold its place for ever', async () => {
    desk.answer = 'never'
    open({ timeoutMs: 10, sleep: async () => {} })
    await correlator.correlate([wrote(PHONE)])
    await expect.poll(() => correlator.state().underWay).toBe(0)
  })
})

describe('a lead that was not known in time', () => {
  it('is recorded in the stream of the contact when the answer comes', async () => {
    desk.answer = 'when-told'
    open({ sleep: async (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5))) })
    desk.knows(PHONE)
    await take(wrote(PHONE))
    correlator.start()
    desk.release()
    await expect.poll(() => tieOf(PHONE)).toBe('lead-+33639980001')
    const recorded = (await collect(store.readStream('whatsapp:+33639980001'))).at(-1)
    expect(recorded).toMatchObject({
      type: 'lead.correlated',
      provider: 'desk',
      data: { by: 'desk:phone' },
      version: 2,
      occurredAtSource: 'local',
    })
    expect(correlated).toEqual(['+33639980001 lead-+33639980001'])
  })

  it('is asked for by the schedule, also after a restart, and then no more', async () => {
    await take(wrote(PHONE))
    correlator.start()
    await expect.poll(() => desk.questions.length).toBe(1)
    now += 60_000
    await expect.poll(() => desk.questions.length).toBe(2)
    await correlator.stop()
    open()
    correlator.start()
    await expect.poll(() => desk.questions.length).toBe(3)
    desk.knows(PHONE)
    now += 4 * 60_000
    await expect.poll(() => tieOf(PHONE)).toBe('lead-+33639980001')
    const asked = desk.questions.length
    now += 86_400_000
    await book.refresh()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(desk.questions).toHaveLength(asked)
  })

  it('is asked for at once when the directory tells of a change, whatever was answered before', async () => {
    await take(wrote(parseContactAddress('553187654321@c.us')))
    correlator.start()
    await expect.poll(() => desk.questions.length).toBe(1)
    desk.knows(parseContactAddress('553187654321@c.us'))
    correlator.changed([parseContactAddress('+55 31 98765-4321')])
    await expect.poll(() => tieOf(parseContactAddress('553187654321@c.us'))).toBe('lead-+553187654321')
  })

  it('is found when the first answer was an error', async () => {
    desk.answer = new CommsError('directory_unavailable', 'desk: closed')
    await take(wrote(PHONE))
    desk.knows(PHONE)
    desk.release()
    correlator.start()
    await expect.poll(() => tieOf(PHONE)).toBe('lead-+33639980001')
  })

  it('links the e-mail address and the phone number of one person', async () => {
    desk.knows(MAIL, { addresses: ['alex@example.com', '+33 6 39 98 00 01', 'second@example.com', '06 39 98 00 02'] })
    await take(wrote(PHONE))
    await take(wrote(MAIL))
    correlator.start()
    await expect.poll(() => tieOf(PHONE)).toBe('lead-alex@example.com')
    const linked = (await collect(store.readAll())).filter(({ type }) => type === 'contact.linked')
    expect(linked).toMatchObject([{ contact: { value: MAIL.value }, data: { to: { value: PHONE.value }, reason: 'one Lead of desk' } }])
  })

  it("does not link the addresses of a company's record", async () => {
    desk.knows(MAIL, { kind: 'account', addresses: ['alex@example.com', '+33639980001'] })
    await take(wrote(MAIL))
    correlator.start()
    await expect.poll(() => tieOf(MAIL)).toBeDefined()
    expect((await collect(store.readAll())).filter(({ type }) => type === 'contact.linked')).toEqual([])
  })

  it('is found for a privacy id by the number that the provider knows', async () => {
    open({ resolveContact: async () => PHONE })
    desk.knows(PHONE)
    await take(wrote(PHONE))
    await take(wrote(LID))
    correlator.start()
    await expect.poll(() => tieOf(LID)).toBe('lead-+33639980001')
    expect((await take(wrote(LID))).lead?.id).toBe('lead-+33639980001')
  })

  it('is recorded once by two that look for it in one log', async () => {
    desk.answer = new CommsError('directory_unavailable', 'desk: closed')
    await take(wrote(PHONE))
    desk.release()
    desk.knows(PHONE)
    const first = correlator
    first.start()
    open()
    correlator.start()
    await expect.poll(() => tieOf(PHONE)).toBeDefined()
    await first.stop()
    expect((await collect(store.readAll())).filter(({ type }) => type === 'lead.correlated')).toHaveLength(1)
    expect(correlated).toHaveLength(1)
  })
})

describe('what a person decided', () => {
  const other = { id: 'other', type: 'Contact', directory: 'desk', name: 'Billie' }

  it('holds for the events that come in, over what the directory says', async () => {
    desk.knows(PHONE)
    await take(wrote(PHONE))
    await correlateByHand(runtime(), PHONE, other, { by: 'ann' })
    expect((await take(wrote(PHONE))).lead).toMatchObject({ id: 'other', rule: 'by-hand', certainty: 'certain' })
    await uncorrelateByHand(runtime(), PHONE, other, { by: 'ann' })
    expect((await take(wrote(PHONE))).lead?.id).toBe('lead-+33639980001')
  })

  it('against a lead keeps it off the events, and off the schedule', async () => {
    desk.knows(PHONE)
    await take(wrote(PHONE))
    await uncorrelateByHand(runtime(), PHONE, { id: 'lead-+33639980001', type: 'Lead', directory: 'desk' }, { by: 'ann' })
    expect((await take(wrote(PHONE))).lead).toBeUndefined()
    correlator.changed([PHONE])
    correlator.start()
    await expect.poll(() => desk.questions.length).toBe(2)
    await expect.poll(() => correlator.state().underWay).toBe(0)
    await correlator.stop()
    const types = (await collect(store.readAll())).map(({ type }) => type)
    expect([tieOf(PHONE), types]).toEqual([undefined, ['message.received', 'lead.uncorrelated', 'message.received']])
  })

  it('is recorded once, however often it is said', async () => {
    await take(wrote(PHONE))
    await Promise.all([1, 2, 3].map(() => correlateByHand(runtime(), PHONE, other, { by: 'ann' })))
    await correlateByHand(runtime(), PHONE, other, { by: 'bob' })
    expect((await collect(store.readAll())).filter(({ type }) => type === 'lead.correlated')).toHaveLength(1)
  })

  it('about a contact that the log does not know needs a channel', async () => {
    await expect(correlateByHand(runtime(), PHONE, other, { by: 'ann' })).rejects.toMatchObject({ code: 'event_invalid' })
    await correlateByHand(runtime(), PHONE, other, { by: 'ann', channel: 'sms' })
    expect(tieOf(PHONE)).toBe('other')
  })
})

it('refuses options that make no sense', () => {
  for (const wrong of [{ budgetMs: -1 }, { maxBatch: 0 }, { maxInFlight: 1.5 }, { timeoutMs: Number.NaN }]) {
    expect(() => open(wrong)).toThrow(expect.objectContaining({ code: 'configuration_invalid' }))
  }
})
