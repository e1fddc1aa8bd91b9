import { createComms, type InboxReader, memoryEventStore, type RecordedEvent } from '@pipe-comms/core'
import type { GreenApiSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { running, simulatedInstance, testClock, transportTo } from './testing/simulator.ts'

let greenApi: GreenApiSimulator
let clock: ReturnType<typeof testClock>
let inbox: InboxReader

beforeEach(async () => {
  greenApi = await simulatedInstance({ settings: { incomingWebhook: 'yes' } })
  clock = testClock()
  inbox = transportTo(greenApi, { inbox: true, clock, sleep: clock.sleep }).inbox as InboxReader
})
afterEach(() => greenApi.close())

const textOf = async (body: Uint8Array) => JSON.parse(new TextDecoder().decode(body)).messageData.textMessageData.textMessage

describe('the inbox', () => {
  it('is absent unless asked for, and needs no webhook token', () => {
    expect(transportTo(greenApi)).not.toHaveProperty('inbox')
    const { webhookToken: _, ...options } = { webhookToken: '', inbox: true }
    expect(transportTo(greenApi, { ...options, webhookToken: undefined as never })).not.toHaveProperty('webhooks')
  })

  it('gives what leads write, one after the other', async () => {
    for (const text of ['1', '2', '3']) greenApi.lead('33639980001').writes(text)
    const texts: string[] = []
    for (let delivery = await inbox.receive(running()); delivery; delivery = await inbox.receive(running())) {
      texts.push(await textOf(delivery.body))
      await delivery.acknowledge()
    }
    expect(texts).toEqual(['1', '2', '3'])
  })

  it.each([
    ['null', 200, 'null'],
    ['an empty body', 200, ''],
    ['408', 408, ''],
    ['504', 504, '<html>'],
  ])('takes %s for nothing, and does not ask again within a second', async (_, status, body) => {
    greenApi.fault({ on: 'receiveNotification', do: 'answer', status, body })
    const before = clock.time
    expect(await inbox.receive(running())).toBeUndefined()
    expect(clock.time - before).toBe(1_000)
  })

  it.each([
    [
      'a webhook URL is set',
      400,
      '{"code":"INVALID_PARAM","message":"Message cannot be received because custom webhook url is set"}',
      'transport_misconfigured',
    ],
    ['the token is wrong', 401, '', 'transport_misconfigured'],
    ['another instance', 403, '', 'transport_misconfigured'],
    ['a page of another service', 200, '<html>', 'send_unavailable'],
    ['too many calls', 429, '', 'send_unavailable'],
    ['the instance starts', 400, 'instance in starting process try later', 'send_unavailable'],
    ['500', 500, '', 'send_unavailable'],
    ['502', 502, '', 'send_unavailable'],
  ])('says why it cannot be read: %s', async (_, status, body, code) => {
    greenApi.fault({ on: 'receiveNotification', do: 'answer', status, body })
    await expect(inbox.receive(running())).rejects.toMatchObject({ code })
  })

  it('is unavailable when the connection breaks, and gives the same delivery after it', async () => {
    greenApi.lead('33639980001').writes('1')
    greenApi.fault({ on: 'receiveNotification', do: 'accept-then-drop' })
    await expect(inbox.receive(running())).rejects.toMatchObject({ code: 'send_unavailable' })
    expect(await textOf((await inbox.receive(running()))?.body as Uint8Array)).toBe('1')
  })

  it('ends its wait when it is stopped', async () => {
    await greenApi.close()
    greenApi = await simulatedInstance({ speed: 1 })
    const stop = new AbortController()
    const waiting = (transportTo(greenApi, { inbox: true }).inbox as InboxReader).receive({ signal: stop.signal })
    setTimeout(() => stop.abort(new Error('stopped')), 50)
    expect(await waiting).toBeUndefined()
  })
})

describe('an acknowledgement', () => {
  const delivered = async () => {
    greenApi.lead('33639980001').writes('1')
    return inbox.receive(running())
  }

  it.each([
    ['says that it was deleted before', 200, '{"result":false}'],
    ['fails because it was deleted before', 500, `{"message":"Cannot read properties of undefined (reading 'findUnAckedMessage')"}`],
  ])('is done when the answer %s', async (_, status, body) => {
    const delivery = await delivered()
    greenApi.fault({ on: 'deleteNotification', do: 'answer', status, body })
    await expect(delivery?.acknowledge()).resolves.toBeUndefined()
  })

  it('is not done when the server fails otherwise, and may be repeated', async () => {
    const delivery = await delivered()
    greenApi.fault({ on: 'deleteNotification', do: 'answer', status: 500, body: 'oops' })
    await expect(delivery?.acknowledge()).rejects.toMatchObject({ code: 'send_unavailable' })
    await delivery?.acknowledge()
    await delivery?.acknowledge()
    expect(greenApi.waiting()).toBe(0)
  })
})

it('delivers poison too, so that it can be quarantined and blocks nothing', async () => {
  greenApi.fault({ on: 'receiveNotification', do: 'answer', status: 200, body: '{"receiptId":7}' })
  const delivery = await inbox.receive(running())
  expect(new TextDecoder().decode(delivery?.body)).toBe('{"receiptId":7}')
  expect(() => inbox.parse(delivery?.body as Uint8Array)).toThrow('Green-API')
  greenApi.fault({ on: 'notification', do: 'malformed' })
  greenApi.lead('33639980001').writes('1')
  expect(new TextDecoder().decode((await inbox.receive(running()))?.body)).toBe('{"malformed":1,')
})

it.each([
  ['an integer over 2^53', '{"receiptId":7,"body":{"novelty":9007199254740993}}', '{"novelty":9007199254740993}'],
  ['a name that comes twice', ' { "receiptId" : "7" , "body" : {"a":1,"a":2} } ', '{"a":1,"a":2}'],
  ['the receipt behind it', '{"body":{"a":1},"receiptId":7}', '{"a":1}'],
  ['more behind it', '{"receiptId":7,"body":{"a":1},"novelty":{"a":2}}', '{"a":1}'],
  [
    'a hundred thousand lists in each other',
    `{"receiptId":7,"body":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    '['.repeat(100_000) + ']'.repeat(100_000),
  ],
])('delivers a notification as it is written, with %s', async (_, body, notification) => {
  greenApi.fault({ on: 'receiveNotification', do: 'answer', status: 200, body })
  expect(new TextDecoder().decode((await inbox.receive(running()))?.body)).toBe(notification)
})

it('is read on by comms: each message once, poison in quarantine, whatever is repeated, out of order or answered with an error', async () => {
  const MESSAGES = 200
  for (const [what, every] of [
    ['duplicate', 10],
    ['reorder', 7],
    ['malformed', 50],
    ['unknown-type', 40],
  ] as const)
    greenApi.fault({ on: 'notification', do: what, every, times: Number.POSITIVE_INFINITY })
  greenApi.fault({ on: 'receiveNotification', do: 'answer', status: 504, every: 20, times: 5 })
  greenApi.fault({ on: 'deleteNotification', do: 'answer', status: 200, body: '{"result":false}', every: 30, times: 3 })
  const ids = Array.from({ length: MESSAGES }, (_, index) => greenApi.lead('33639980001').writes(`${index}`))
  const store = memoryEventStore()
  const transport = transportTo(greenApi, { inbox: true, clock, sleep: clock.sleep })
  const comms = createComms({ store, transports: [transport] })
  comms.start()
  await expect.poll(() => greenApi.waiting(), { timeout: 10_000 }).toBe(0)
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) events.push(event)
  await comms.close()
  expect(
    events
      .filter(({ type }) => type === 'message.received')
      .map((event) => event.providerMessageId)
      .sort(),
  ).toEqual(ids.sort())
  expect(events.filter(({ type }) => type === 'webhook.quarantined')).toHaveLength(MESSAGES / 50 + MESSAGES / 40)
})
