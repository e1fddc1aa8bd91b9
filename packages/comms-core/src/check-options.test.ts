import { describe, expect, it } from 'vitest'
import { type Comms, createComms } from './comms.ts'
import { checkpointStoreConformance, eventStoreConformance, leadDirectoryConformance, transportConformance } from './conformance/index.ts'
import { runConsumer } from './consumers/consumer.ts'
import { conversations } from './consumers/conversation.ts'
import { memoryCheckpointStore } from './consumers/memory-checkpoint-store.ts'
import { project } from './consumers/projection.ts'
import { isCommsError } from './errors.ts'
import { addressParser } from './events/address-parser.ts'
import { anyContactAddress, parseContactAddress } from './events/contact-address.ts'
import { idempotencyKey } from './events/idempotency-key.ts'
import { createEvent } from './events/recorded-event.ts'
import { addressMatcher } from './leads/address-match.ts'
import { silentLogger } from './runtime.ts'
import { eventCache } from './store/event-cache.ts'
import { copyLog, exportLog, importLog } from './store/log-transfer.ts'
import { memoryEventStore } from './store/memory-event-store.ts'
import { rateLimiter } from './transport/rate-limit.ts'
import type { Transport } from './transport/transport.ts'

/** Calls a function as a user of JavaScript does, without its types. */
type Loose = (...given: readonly unknown[]) => unknown
const loose = (call: unknown) => call as Loose

async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    if (isCommsError(error)) return `${error.code} ${error.message}`
    return `not a CommsError: ${String(error)}`
  }
  return 'no error'
}

const pigeon: Transport = { id: 'pigeon', channel: 'pigeon', account: 'loft-1', send: async () => ({ providerMessageId: 'p' }) }
const store = memoryEventStore()
const good = () => ({ store: memoryEventStore(), transports: [pigeon], logger: silentLogger })
const contact = parseContactAddress('+33639980001')
const lead = { id: '1', directory: 'espocrm' }
const message = { channel: 'pigeon', to: '+33639980001', content: { text: 'Bonjour' } }
const fn = () => undefined

describe('createComms refuses, naming the option:', () => {
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /^configuration_invalid createComms: expected an object of options, got nothing/],
    ['no store', {}, /createComms: store: expected an open EventStore, got nothing/],
    [
      'a store that was not awaited',
      { store: Promise.resolve(store) },
      /store: expected an open EventStore, got a Promise: await it first, such as await openJsonEventStore/,
    ],
    ['half a store', { store: { append: fn } }, /store: .* without find\(\), readStream\(\), readAll\(\), close\(\)/],
    ['transport for transports', { ...good(), transport: [] }, /unknown option "transport"; did you mean "transports"\?/],
    [
      'a country by its name',
      { ...good(), defaultRegion: 'France' },
      /defaultRegion: expected an ISO 3166 country code of two letters, such as FR/,
    ],
    ['a limit below 1', { ...good(), maxBodyBytes: -1 }, /maxBodyBytes: expected a whole number from 1, got -1/],
    ['a limit that is no number', { ...good(), maxBodyBytes: '1mb' }, /maxBodyBytes: expected a whole number from 1, got a text/],
    ['NaN', { ...good(), maxPendingBodyBytes: Number.NaN }, /maxPendingBodyBytes: expected a whole number from 1, got NaN/],
    [
      'a budget that no body fits into',
      { ...good(), maxBodyBytes: 10, maxPendingBodyBytes: 5 },
      /maxPendingBodyBytes: expected at least maxBodyBytes \(10\), got 5/,
    ],
    [
      'a wrong option of the outbox',
      { ...good(), outbox: { concurrency: 'a' } },
      /outbox\.concurrency: expected a whole number from 1, got a text/,
    ],
    ['an unknown option of the outbox', { ...good(), outbox: { pollms: 5 } }, /outbox: unknown option "pollms"; did you mean "pollMs"\?/],
    [
      'checkpoints that are none',
      { ...good(), outbox: { checkpoints: './file' } },
      /outbox\.checkpoints: expected a CheckpointStore, got a text/,
    ],
    ['leads without a directory', { ...good(), leads: {} }, /leads\.directory: expected a LeadDirectory, got nothing/],
    [
      'an unknown option of the leads',
      { ...good(), leads: { directory: { id: 'crm', findByAddresses: fn }, budget: 5 } },
      /leads: unknown option "budget"; did you mean "budgetMs"\?/,
    ],
    ['one transport in place of a list', { ...good(), transports: pigeon }, /transports: expected a list of transports, got an object/],
    [
      'a directory that was not awaited',
      { ...good(), leads: { directory: Promise.resolve({}) } },
      /leads\.directory: expected a LeadDirectory, got a Promise/,
    ],
    [
      'a directory without an id',
      { ...good(), leads: { directory: { findByAddresses: fn } } },
      /leads\.directory\.id: expected lower-case letters/,
    ],
    ['a transport that was not awaited', { ...good(), transports: [Promise.resolve(pigeon)] }, /transports\.0: .*Promise/],
    [
      'a transport without send',
      { ...good(), transports: [{ ...pigeon, send: undefined }] },
      /transports\.0\.send: expected a function, got nothing/,
    ],
    [
      'a webhook without verify',
      { ...good(), transports: [{ ...pigeon, webhooks: [{ path: 'pigeon', methods: ['post'], parse: fn }] }] },
      /transports\.0\.webhooks\.0\.path: .*methods\.0: .*POST.*verify: expected a function/,
    ],
    [
      'a logger of two methods',
      { ...good(), logger: { warn: fn, error: fn } },
      /logger: expected a logger, got an object without debug\(\), info\(\)/,
    ],
    [
      'a spool that was not awaited',
      { ...good(), spool: Promise.resolve({}) },
      /spool: .*got a Promise: await it first, such as await openFileSpool/,
    ],
    ['a clock that is a function', { ...good(), clock: Date.now }, /clock: expected a clock, got a function/],
    ['a report that is no function', { ...good(), onWebhook: 'log' }, /onWebhook: expected a function, got a text/],
  ])('%s', async (_, options, expected) => {
    expect(await messageOf(() => loose(createComms)(options))).toMatch(expected)
  })

  it('everything at once, and no text that may be a secret', async () => {
    const options = { store: 'postgres://user:hunter2@db', logger: 'hunter2', outbox: { instance: 5 }, tokn: 'hunter2' }
    const message = await messageOf(() => loose(createComms)(options))
    for (const name of ['store', 'logger', 'outbox.instance', 'tokn']) expect(message).toContain(name)
    expect(message).not.toContain('hunter2')
  })

  it('nothing of parts of any class that do what they must', () => {
    class OfAnotherBuild {
      id = 'other'
      channel = 'pigeon'
      account = 'loft-2'
      async send() {
        return { providerMessageId: 'p' }
      }
    }
    expect(() => createComms({ ...good(), transports: [new OfAnotherBuild()] })).not.toThrow()
  })
})

describe('comms refuses, naming the argument:', () => {
  const comms = createComms(good())
  const call = (name: keyof Comms, ...given: unknown[]): [string, () => unknown] => [
    `${name}(${given.map((each) => JSON.stringify(each) ?? String(each)).join(', ')})`,
    () => loose(comms[name])(...given),
  ]
  const cases: [[string, () => unknown], RegExp][] = [
    [call('send'), /request_invalid send: expected an object of options, got nothing/],
    [call('send', {}), /request_invalid send: channel: .*to: expected an address.*content: expected the content/],
    [call('send', { ...message, to: undefined }), /send: to: expected an address as a text or a ContactAddress, got nothing/],
    [call('send', { ...message, to: 33639980001 }), /send: to: .*got 33639980001/],
    [call('send', { ...message, content: 'Bonjour' }), /send: content: expected the content of the message, such as .*, got a text/],
    [call('send', { ...message, text: 'Bonjour' }), /send: unknown option "text"/],
    [call('send', { ...message, idempotencykey: 'o1' }), /send: unknown option "idempotencykey"; did you mean "idempotencyKey"\?/],
    [call('send', { ...message, idempotencyKey: '' }), /send: idempotencyKey: expected .*, got an empty text/],
    [call('send', { ...message, idempotencyKey: 5 }), /send: idempotencyKey: expected .*, got 5/],
    [call('send', { ...message, idempotencyKey: null }), /send: idempotencyKey: expected .*, got null/],
    [
      call('send', { ...message, fallback: { channel: 'sms', to: '+33639980001' } }),
      /send: fallback: expected a list of other ways, got an object/,
    ],
    [
      call('send', { ...message, fallback: [{ channel: 'sms', number: '+33639980001' }] }),
      /send: fallback\.0\.to: .*fallback\.0: unknown option "number"/,
    ],
    [call('send', { ...message, fallback: [{ channel: 'sms', to: '+33639980001', afterMS: 5 }] }), /did you mean "afterMs"\?/],
    [call('send', { ...message, onUncertain: 'retry' }), /send: onUncertain: expected 'report' or 'resend', got another text/],
    [call('send', { ...message, notBefore: 'tomorrow' }), /send: notBefore: expected a Date or an ISO 8601 time, got another text/],
    [call('send', { ...message, expiresAt: 60_000 }), /send: expiresAt: expected a Date or an ISO 8601 time, got 60000/],
    [call('send', message, { waitFor: 'read' }), /send: the second argument: waitFor: expected 'sent' or 'delivered', got another text/],
    [call('send', message, { waitfor: 'sent' }), /unknown option "waitfor"; did you mean "waitFor"\?/],
    [call('send', message, { waitFor: 'sent', timeoutMs: '5s' }), /timeoutMs: expected a whole number from 0, got a text/],
    [call('timeline', 42), /request_invalid timeline: of: expected an address as a text or a ContactAddress, got /],
    [call('timeline'), /timeline: of: expected an address as a text or a ContactAddress, got nothing/],
    [call('timeline', { id: 1 }), /timeline: of\.id: expected the id of a lead/],
    [call('timeline', { ...contact, value: undefined }), /timeline: of\.value: expected a text, got nothing/],
    [call('timeline', contact, { limit: 5 }), /timeline: unknown option "limit"/],
    [call('conversation'), /conversation: expected the name of a stream, such as whatsapp:\+33639980001, got nothing/],
    [call('conversations', { limit: '5' }), /conversations: limit: expected a whole number from 0, got a text/],
    [call('conversations', { limt: 5 }), /conversations: unknown option "limt"; did you mean "limit"\?/],
    [call('message'), /request_invalid message: expected the messageId of a message, got nothing/],
    [
      call('correlate', '', lead, { by: 'ann' }),
      /correlate: contact: expected an address as a text or a ContactAddress, got an empty text/,
    ],
    [call('correlate', contact, '1', { by: 'ann' }), /correlate: lead: expected a lead, got a text/],
    [call('correlate', contact, { id: '1' }, { by: 'ann' }), /correlate: lead\.directory/],
    [call('correlate', contact, lead), /correlate: options: expected an object of options, got nothing/],
    [call('correlate', contact, lead, {}), /correlate: options\.by: expected who decides/],
    [call('uncorrelate', contact, lead, { by: 'ann', because: 'x' }), /uncorrelate: options: unknown option "because"/],
    [call('link', contact, ['+33639980002'], { by: 'ann' }), /link: other: expected an address as a text or a ContactAddress, got a list/],
    [call('unlink', undefined, contact, { by: 'ann' }), /unlink: contact: expected an address as a text or a ContactAddress, got nothing/],
    [call('reparseQuarantined', { limit: 5 }), /reparseQuarantined: unknown option "limit"/],
    [call('record'), /record: facts: expected a list of facts/],
    [call('record', [], { via: 'file' }), /record: options\.via: expected 'webhook' or 'poll' or 'api' or 'import', got another text/],
  ]
  it.each(cases.map(([[name, run], expected]) => [name, run, expected] as const))('%s', async (_, run, expected) => {
    expect(await messageOf(run)).toMatch(expected)
  })

  it('nothing of a call that is right', async () => {
    const fallback = [{ channel: 'pigeon', to: contact, content: { text: 'Salut' }, afterMs: 5 }]
    const all = {
      ...message,
      transport: 'pigeon',
      idempotencyKey: 'o1',
      notBefore: new Date(),
      expiresAt: '2100-01-01T00:00:00Z',
      fallback,
    }
    expect(await messageOf(() => comms.send({ ...all, onUncertain: 'report', options: { urgent: true } }, { timeoutMs: 5 }))).toBe(
      'no error',
    )
    expect(await messageOf(() => comms.send({ ...message, to: contact, transport: undefined } as never))).toBe('no error')
    expect(await messageOf(() => comms.conversations({ limit: Number.POSITIVE_INFINITY }))).toBe('no error')
    expect(await messageOf(() => comms.correlate(contact, { ...lead, name: 'Ann' }, { by: 'ann', channel: 'pigeon' }))).toBe('no error')
  })
})

describe('the other functions refuse, naming the option:', () => {
  const checkpoints = memoryCheckpointStore()
  const right = { id: 'a', store, checkpoints, handle: fn }
  const kits = { eventStoreConformance, transportConformance, leadDirectoryConformance, checkpointStoreConformance }
  const cases: [string, () => unknown, RegExp][] = [
    ['runConsumer()', () => loose(runConsumer)(), /configuration_invalid runConsumer: expected an object of options, got nothing/],
    [
      "runConsumer({ id: 'a' })",
      () => loose(runConsumer)({ id: 'a' }),
      /runConsumer "a": store: .*checkpoints: expected a CheckpointStore, got nothing.*handle: expected a function/,
    ],
    ['runConsumer with handler', () => loose(runConsumer)({ ...right, handler: fn }), /unknown option "handler"; did you mean "handle"\?/],
    [
      'runConsumer with onPoison ignore',
      () => loose(runConsumer)({ ...right, onPoison: 'ignore' }),
      /onPoison: expected 'set-aside' or 'stop', got another text/,
    ],
    ['eventCache()', () => loose(eventCache)(), /eventCache: expected an object of options, got nothing/],
    ['eventCache(store)', () => loose(eventCache)(store), /eventCache: .*store: expected an open EventStore, got nothing/],
    ['eventCache with maxbatch', () => loose(eventCache)({ store, maxbatch: 5 }), /unknown option "maxbatch"; did you mean "maxBatch"\?/],
    ['eventCache with recent -1', () => loose(eventCache)({ store, recent: -1 }), /recent: expected a whole number from 0, got -1/],
    ['project without a projection', () => loose(project)(store.readAll()), /project: projection: expected a Projection, got nothing/],
    [
      'project of a store',
      () => loose(project)(store, conversations),
      /project: events: expected events, such as store\.readAll\(\) gives them, got an object/,
    ],
    ['project with progressevery', () => loose(project)([], conversations, { progressevery: 5 }), /did you mean "progressEvery"\?/],
    ['copyLog()', () => loose(copyLog)(), /copyLog: from: .*to: expected an open EventStore, got nothing/],
    ['copyLog of a Promise', () => loose(copyLog)(Promise.resolve(store), store), /copyLog: from: .*got a Promise: await it first/],
    ['copyLog with batchSize', () => loose(copyLog)(store, memoryEventStore(), { batchSize: 5 }), /unknown option "batchSize"/],
    [
      'importLog of a path',
      () => loose(importLog)('./export.jsonl', store),
      /importLog: lines: expected the lines of an export, one after the other, got a text/,
    ],
    ['exportLog()', () => (loose(exportLog)() as AsyncGenerator).next(), /exportLog: store: expected an open EventStore, got nothing/],
    ['createEvent()', () => loose(createEvent)(), /event_invalid createEvent: expected a fact, got nothing/],
    ['addressParser with region', () => loose(addressParser)({ region: 'FR' }), /addressParser: unknown option "region"/],
    [
      'addressParser of France',
      () => loose(addressParser)({ defaultRegion: 'France' }),
      /addressParser: defaultRegion: expected an ISO 3166/,
    ],
    [
      'addressParser of a number',
      () => loose(addressParser())(33639980001),
      /address_invalid Expected an address as a text, got 33639980001/,
    ],
    ['addressMatcher of France', () => loose(addressMatcher)({ defaultRegion: 'France' }), /addressMatcher: defaultRegion/],
    ['addressMatcher with plustags', () => loose(addressMatcher)({ plustags: true }), /did you mean "plusTags"\?/],
    ['rateLimiter()', () => loose(rateLimiter)(), /rateLimiter: limit: expected an object of options, got nothing/],
    [
      'rateLimiter of 0',
      () => loose(rateLimiter)({ messages: 0, perMs: 5 }),
      /rateLimiter: limit\.messages: expected a whole number from 1, got 0/,
    ],
    ['parseContactAddress()', () => loose(parseContactAddress)(), /address_invalid Expected an address as a text, got nothing/],
    ['parseContactAddress of an object', () => loose(parseContactAddress)(contact), /Expected an address as a text, got an object/],
    ['anyContactAddress of null', () => loose(anyContactAddress)(null), /Expected an address as a text, got null/],
    ['memoryEventStore of a clock', () => loose(memoryEventStore)({ now: Date.now }), /memoryEventStore: unknown option "now"/],
    ['idempotencyKey()', () => loose(idempotencyKey)(), /idempotencyKey: expected at least one part/],
    [
      'idempotencyKey of an object',
      () => loose(idempotencyKey)('a', { sid: 'x' }),
      /part 2 of 2: expected a text or a number, got an object/,
    ],
    ['idempotencyKey of NaN', () => loose(idempotencyKey)('a', Number.NaN), /part 2 of 2: expected a text or a number, got NaN/],
    ...Object.entries(kits).flatMap(([name, kit]): [string, () => unknown, RegExp][] => [
      [`${name} without options`, () => loose(kit)('x', fn), /conformance kit: options: expected an object of options, got nothing/],
      [
        `${name} without a runner`,
        () => loose(kit)('x', fn, {}),
        /options\.runner: expected \{ describe, it \} of a test runner, got nothing/,
      ],
      [
        `${name} with knownGap`,
        () => loose(kit)('x', fn, { runner: { describe, it }, knownGap: {} }),
        /unknown option "knownGap"; did you mean "knownGaps"\?/,
      ],
    ]),
  ]
  it.each(cases)('%s', async (_, run, expected) => {
    expect(await messageOf(run)).toMatch(expected)
  })
})

it('createEvent needs a fact alone', () => {
  const event = createEvent({
    type: 'message.received',
    idempotencyKey: 'pigeon:1',
    channel: 'pigeon',
    provider: 'pigeon',
    direction: 'inbound',
    contact,
    messageId: 'pigeon:1',
    providerMessageId: '1',
    data: { text: 'Bonjour' },
  })
  expect(event.id).toMatch(/^evt_[0-9a-f-]{36}$/)
  expect(Math.abs(Date.parse(event.occurredAt) - Date.now())).toBeLessThan(5_000)
})
