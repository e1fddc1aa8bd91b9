import {
  createComms,
  createEvent,
  deliveryOf,
  deliveryStatus,
  type EventFact,
  memoryEventStore,
  type OutboundMessage,
  parseContactAddress,
  project,
  streamIdOf,
  systemClock,
  uuidSource,
} from '@pipe-comms/core'
import { type Outcome, startTwilioSimulator, type TwilioSimulator, type TwilioSimulatorOptions } from '@pipe-comms/simulators'
import { afterEach, describe, expect, it } from 'vitest'
import { type TwilioOptions, twilioTransport } from '../index.ts'
import { MESSAGING_SERVICE_SID, OUR_NUMBER, PUBLIC_URL, THEIR_NUMBER } from '../testing/payloads.ts'

const signal = new AbortController().signal
const message: OutboundMessage = { messageId: 'm-1', to: parseContactAddress(THEIR_NUMBER), content: { text: 'Bonjour' } }
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A simulated Twilio whose webhooks come to a log in memory, as through a proxy that knows the public URL. */
async function house(options: TwilioSimulatorOptions = {}, over: Partial<TwilioOptions> = {}) {
  const store = memoryEventStore()
  let refused: number | undefined
  const twilio: TwilioSimulator = await startTwilioSimulator({
    numbers: [{ phoneNumber: OUR_NUMBER, smsUrl: `${PUBLIC_URL}/webhooks/twilio-sms/incoming` }],
    fetch: async (url, init) => (refused ? new Response(null, { status: refused }) : comms.handle(new Request(url, init))),
    ...options,
  })
  const transport = twilioTransport({
    accountSid: twilio.account.sid,
    authToken: twilio.account.authToken,
    publicUrl: PUBLIC_URL,
    from: OUR_NUMBER,
    apiUrl: twilio.url,
    timeoutMs: 300,
    ...over,
  })
  const comms = createComms({ store, transports: [transport] })
  closers.push(() => twilio.close())
  const record = async (facts: readonly EventFact[]) => {
    const events = facts.map((fact) => createEvent(fact, { clock: systemClock, ids: uuidSource }))
    const results = await store.append(events.map((event) => ({ streamId: streamIdOf(event), events: [event] })))
    return results.flatMap((result) => (result.status === 'recorded' ? result.events : [])).filter(({ repeated }) => !repeated).length
  }
  const delivery = async (name: string) => deliveryOf((await project(store.readAll(), deliveryStatus)).state, name)
  return { store, twilio, transport, record, delivery, answerWith: (status: number | undefined) => (refused = status) }
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('callbacks', () => {
  it('that come before the answer of create are of the message', async () => {
    const { twilio, transport, delivery } = await house()
    twilio.behave({ statusBeforeAnswer: true })
    const { providerMessageId } = await transport.send(message, { signal })
    expect(await delivery('m-1')).toMatchObject({ status: 'delivered' })
    expect(await delivery(`twilio:${providerMessageId}`)).toEqual(await delivery('m-1'))
  })

  it('of a send without an answer tell that it was taken', async () => {
    const { twilio, transport, record, delivery } = await house({ outcome: () => ({ status: 'sent' }) })
    twilio.failNext('take-and-reset')
    await expect(transport.send(message, { signal })).rejects.toMatchObject({ code: 'send_uncertain' })
    await record([uncertain])
    await twilio.settled()
    expect(await delivery('m-1')).toMatchObject({ status: 'sent' })
  })

  it('come once, and again only as the fragment of their URL says', async () => {
    for (const [connectionOverrides, tries] of [
      ['', [503]],
      ['rc=3&rp=5xx,ct,rt', [503, 503, 503, 503]],
    ] as const) {
      const { twilio, transport, answerWith } = await house({ outcome: () => ({ status: 'failed' }) }, { connectionOverrides })
      answerWith(503)
      await transport.send(message, { signal })
      await twilio.settled()
      expect(twilio.deliveries.map((delivery) => delivery.tries)).toEqual([tries])
    }
  })

  const outcomes: readonly [string, Outcome, boolean, string][] = [
    ['an SMS that arrives', { status: 'delivered' }, false, 'delivered'],
    ['a WhatsApp message that is read', { status: 'read' }, true, 'read'],
    ['an SMS that the carrier rejects', { status: 'undelivered', errorCode: 30003 }, false, 'failed'],
    ['an SMS to one who opted out', { status: 'failed', errorCode: 21610 }, false, 'failed'],
    ['an SMS without a receipt of the carrier', { status: 'sent' }, false, 'sent'],
  ]

  it.each(outcomes)(
    'of %s end in the same state in every order, also repeated',
    async (_, outcome, whatsapp, state) => {
      const { twilio, transport, delivery } = await house(
        {
          numbers: [{ phoneNumber: OUR_NUMBER }, { phoneNumber: `whatsapp:${OUR_NUMBER}` }],
          services: [{ sid: MESSAGING_SERVICE_SID, numbers: [OUR_NUMBER] }],
          outcome: () => outcome,
        },
        { messagingServiceSid: MESSAGING_SERVICE_SID, from: undefined as never, whatsappFrom: OUR_NUMBER },
      )
      const to = parseContactAddress(whatsapp ? 'whatsapp:+33639980001' : THEIR_NUMBER)
      let statuses: readonly string[] = []
      twilio.behave({ order: (given) => (statuses = given) })
      await transport.send({ ...message, to }, { signal })
      await twilio.settled()
      const orders = permutations(statuses)
      for (const [index, order] of orders.entries()) {
        const messageId = `m-${index}-of-${state}`
        twilio.behave({ order: () => order, times: 1 + (index % 3), statusBeforeAnswer: index % 2 === 0 })
        const { providerMessageId } = await transport.send({ ...message, to, messageId }, { signal })
        await twilio.settled()
        const found = await delivery(messageId)
        expect(found?.status).toBe(state)
        expect(await delivery(`twilio:${providerMessageId}`)).toEqual(found)
        expect(found?.failure?.error.providerCode).toBe(outcome.errorCode?.toString())
      }
      expect(orders.length).toBeGreaterThanOrEqual(2)
      expect(twilio.deliveries.every(({ tries }) => tries.join() === '200')).toBe(true)
    },
    30_000,
  )
})

const uncertain: EventFact = {
  type: 'message.uncertain',
  idempotencyKey: 'uncertain:m-1:1',
  channel: 'sms',
  provider: 'twilio',
  direction: 'outbound',
  contact: message.to,
  messageId: 'm-1',
  data: { attempt: 1, reason: 'no answer' },
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

describe('reconcile', () => {
  const HOUR = 3_600_000
  const attempt = async ({ transport }: Awaited<ReturnType<typeof house>>, sent: OutboundMessage = message) => {
    const attemptedAt = new Date().toISOString()
    await transport.send(sent, { signal }).catch(() => undefined)
    return (later: Partial<OutboundMessage> = {}) => transport.reconciler.reconcile({ ...sent, ...later }, { attemptedAt, signal })
  }

  it('finds a message that was taken, also while it waits and has no DateSent', async () => {
    const at = await house({ outcome: () => ({ status: 'delivered' }), stepMs: 600_000 })
    at.twilio.failNext('take-and-reset')
    const reconcile = await attempt(at)
    const [taken] = at.twilio.account.messages
    expect(taken?.sentAt).toBeNull()
    expect(await reconcile()).toMatchObject({ providerMessageId: taken?.sid, extra: { status: 'queued' } })
  })

  it('is sure that nothing was sent only when Twilio had the time to say so', async () => {
    const at = await house()
    at.twilio.failNext('reset')
    expect(await (await attempt(at))()).toBe('unknown')
    const later = await house({}, { now: () => Date.now() + HOUR })
    later.twilio.failNext('reset')
    expect(await (await attempt(later))()).toBe('not-sent')
  })

  it.each([
    ['other words', { content: { text: 'Bonsoir' } }, 'not-sent'],
    ['another sender', { options: { from: '+12025550111' } }, 'not-sent'],
    ['a picture as well', { content: { text: 'Bonjour', media: [{ kind: 'image', url: 'https://example.com/1.png' }] } }, 'not-sent'],
    ['words that Twilio rewrites', { options: { smartEncoded: true } }, 'unknown'],
    ['the same words in other spaces', { content: { text: ' Bonjour\n' } }, { providerMessageId: expect.any(String) }],
  ] as const)('compares: %s', async (_, sent, answer) => {
    const at = await house({}, { now: () => Date.now() + HOUR })
    const reconcile = await attempt(at)
    expect(await reconcile(sent as Partial<OutboundMessage>)).toEqual(typeof answer === 'string' ? answer : expect.objectContaining(answer))
  })

  it('does not guess between two that are alike', async () => {
    const at = await house({}, { now: () => Date.now() + HOUR })
    const reconcile = await attempt(at)
    await at.transport.send(message, { signal })
    expect(await reconcile()).toBe('unknown')
  })

  it('takes no message of another time, and none of theirs', async () => {
    const { twilio, transport } = await house({}, { now: () => Date.now() + 3 * HOUR })
    const answered = (sent: OutboundMessage, at: number) =>
      transport.reconciler.reconcile(sent, { attemptedAt: new Date(at).toISOString(), signal })
    await transport.send(message, { signal })
    expect(await answered(message, Date.now() - HOUR)).toBe('not-sent')
    expect(await answered(message, Date.now() + HOUR)).toBe('not-sent')
    await twilio.receive({ from: OUR_NUMBER, to: THEIR_NUMBER, body: 'Bonsoir' })
    expect(await answered({ ...message, content: { text: 'Bonsoir' } }, Date.now())).toBe('not-sent')
  })
})

describe('recoverInbound', () => {
  const AT = Date.parse('2026-11-20T23:30:00Z')

  it('records what no webhook told, and nothing twice', async () => {
    let now = AT
    const { store, twilio, transport, record, answerWith } = await house({ now: () => now })
    const receive = (body: string, more: object = {}) => twilio.receive({ from: THEIR_NUMBER, body, ...more })
    await receive('before')
    now += 60_000
    await receive('same day')
    now += 3_600_000
    await receive('told')
    answerWith(500)
    const lost = await receive('lost')
    const picture = await receive('', { media: [{ contentType: 'image/png', bytes: new Uint8Array([1]) }] })
    await receive('STOP')
    expect(twilio.deliveries.filter(({ tries }) => tries.at(-1) === 500)).toHaveLength(3)
    answerWith(undefined)
    await transport.send({ ...message, to: parseContactAddress('+33639980002') }, { signal })
    await twilio.settled()

    const facts = await collect(transport.recoverInbound({ since: new Date(AT + 1) }))
    expect(facts.map(({ type, data }) => [type, (data as { text?: string }).text])).toEqual([
      ['message.received', 'STOP'],
      ['contact.opted_out', undefined],
      ['message.received', undefined],
      ['message.received', 'lost'],
      ['message.received', 'told'],
      ['message.received', 'same day'],
    ])
    expect(facts[3]).toMatchObject({
      idempotencyKey: `twilio:${twilio.account.sid}:received:${lost.sid}`,
      occurredAt: '2026-11-21T00:31:00.000Z',
      source: { via: 'api' },
    })
    expect(facts[2]?.data).toMatchObject({
      media: [
        {
          kind: 'image',
          mimeType: 'image/png',
          providerMediaId: picture.media[0]?.sid,
          url: expect.stringContaining(`/Messages/${picture.sid}/Media/`),
        },
      ],
    })
    expect(await record(facts)).toBe(4)
    expect(await record(await collect(transport.recoverInbound({ since: new Date(AT + 1).toISOString() })))).toBe(0)
    const texts = (await collect(store.readAll())).flatMap((event) => (event.type === 'message.received' ? [event.data.text ?? ''] : []))
    expect(texts.sort()).toEqual(['', 'STOP', 'before', 'lost', 'same day', 'told'])
  })

  it('reads every page, and only the numbers that are asked for', async () => {
    const { twilio, transport } = await house({ numbers: [{ phoneNumber: OUR_NUMBER }] })
    for (let index = 0; index < 1_005; index += 1) await twilio.receive({ from: THEIR_NUMBER, body: `n${index}` })
    await twilio.receive({ from: THEIR_NUMBER, to: '+12025550103', body: 'other' })
    const texts = async (to?: string[]) =>
      (await collect(transport.recoverInbound({ since: new Date(0), ...(to ? { to } : {}) }))).map(
        ({ data }) => (data as { text: string }).text,
      )
    expect(new Set(await texts()).size).toBe(1_006)
    expect(await texts(['+12025550103'])).toEqual(['other'])
  })

  it('fails with a code', async () => {
    const { twilio, transport } = await house()
    const ask = (since: Date | string = new Date(0)) => collect(transport.recoverInbound({ since }))
    await expect(ask('yesterday')).rejects.toMatchObject({ code: 'configuration_invalid' })
    twilio.failNext({ status: 401, code: 20003, message: 'Authenticate' })
    await expect(ask()).rejects.toMatchObject({ code: 'transport_misconfigured' })
    twilio.failNext({ status: 500, code: 20500, message: 'Internal' })
    await expect(ask()).rejects.toMatchObject({ code: 'send_unavailable' })
    twilio.failNext('reset')
    await expect(ask()).rejects.toMatchObject({ code: 'send_unavailable' })
  })
})
