import type { EventFact, MessageEventOf } from '../events/message-event.ts'
import { createEvent } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { InboxDelivery, InboxReader, OutboundMessage, SendReceipt, Transport, WebhookEndpoint } from '../transport/transport.ts'
import type { WebhookRequest } from '../transport/webhook-request.ts'
import { expectNoSecret } from './no-secret.ts'
import { readRequest } from './read-request.ts'
import { caught, collect, expectCode, expectEqual, expectTrue, type KitOptions, type KitTests, registerKit } from './runner.ts'
import { notApplicable } from './skipping.ts'

/** What a provider may do with a message that is handed to it. */
export type SendScenario = 'accepted' | 'rejected' | 'unavailable' | 'uncertain' | 'misconfigured'

export interface Sending {
  readonly transport: Transport
  readonly message: OutboundMessage
  /** How many times the provider was called to take the message since this was made. Absent: the test of retries is skipped. */
  calls?(): number
}

/** What became of a message whose sending ended without an answer: taken, not taken, or the provider cannot be asked. */
export type ReconcileScenario = 'taken' | 'not-sent' | 'unreachable'

export interface Reconciling extends Sending {
  /** ISO 8601: when the attempt began. */
  readonly attemptedAt: string
}

/** A transport under test and the provider's side of it. */
export interface TransportSubject {
  readonly transport: Transport
  /** Every credential the transport was configured with: the kit looks for them in all that comes out. At least one. */
  readonly secrets: readonly string[]
  /** For transports with webhooks. */
  readonly webhook?: {
    /** Different genuine webhooks, with right credentials, that the transport understands. At least two. */
    readonly genuine: readonly (() => Request)[]
    /** A request with right credentials over any body. */
    signed(body: Uint8Array<ArrayBuffer>): Request | Promise<Request>
    /** A request over any body that must not pass: without credentials, with wrong ones, with a signature over another body. */
    readonly forged: readonly ((body: Uint8Array<ArrayBuffer>) => Request)[]
    /** Channels besides the transport's own of which its webhooks tell, such as `whatsapp` beside `sms`. @default none */
    readonly otherChannels?: readonly string[]
  }
  /** The same transport, talking to a provider that does this, and a message for it. */
  sending(scenario: SendScenario): Sending | Promise<Sending>
  /** For transports with an inbox: puts this many different genuine deliveries into the provider's queue, which is empty otherwise. */
  readonly inbox?: { fill(count: number): void | Promise<void> }
  /** For transports with a reconciler: a message whose sending ended without an answer, and a provider that knows this of it. */
  reconciling?(scenario: ReconcileScenario): Reconciling | Promise<Reconciling>
  /** For transports with a probe: the same transport with nothing wrong, and with something wrong. */
  probing?(scenario: 'healthy' | 'unhealthy'): Transport | Promise<Transport>
  dispose?(): Promise<void>
}

/** Registers the promises of {@link Transport} as tests. */
export function transportConformance(name: string, create: () => Promise<TransportSubject> | TransportSubject, options: KitOptions): void {
  registerKit(`${name} keeps the promises of a Transport`, tests, create, options)
}

const encode = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>
const garbage: readonly Uint8Array<ArrayBuffer>[] = [
  encode(''),
  encode('{'),
  encode('null'),
  encode('[]'),
  encode('"text"'),
  encode('{"typeWebhook":null,"__proto__":{"x":1}}'),
  encode('{"typeWebhook":"kindOfTomorrow","type":"kind.of.tomorrow","event":"kind_of_tomorrow"}'),
  encode('a=1&b=%ZZ&c'),
  encode('['.repeat(100_000)),
  new Uint8Array([0xff, 0xfe, 0x00, 0xc3, 0x28]),
]

const tests: KitTests<TransportSubject> = {
  'says what it is': async ({ transport, secrets }) => {
    expectTrue(/^[a-z][a-z0-9-]*$/.test(transport.id), `id: expected lower-case letters, digits and dashes, got ${transport.id}`)
    expectTrue(
      /^[a-z][a-z0-9-]*$/.test(transport.channel),
      `channel: expected lower-case letters, digits and dashes, got ${transport.channel}`,
    )
    expectTrue(transport.account.length > 0, 'account is not empty')
    const { id, channel, account, provider = id } = transport
    expectNoSecret({ id, channel, account, provider }, secrets, 'id, channel, provider or account')
  },

  'says that every fact is of its own channel, provider and account': async (subject) => {
    for await (const { facts } of genuineFacts(subject)) expectOwn(facts, subject)
  },

  'names an inbound message provider:providerMessageId': async (subject) => {
    for await (const { facts } of genuineFacts(subject)) expectNamed(facts, subject)
  },

  'gives events that keep the schema': async (subject) => {
    for await (const { facts } of genuineFacts(subject)) {
      expectTrue(facts.length > 0, 'a genuine webhook holds at least one fact')
      for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
    }
  },

  'gives equal facts when the same webhook comes again': async (subject) => {
    const parsed = await collect(genuineFacts(subject))
    // Longer than a clock of whole seconds needs to show in a fact.
    await new Promise((resolve) => setTimeout(resolve, 1_010))
    for (const { facts, endpoint, request } of parsed) {
      expectEqual(await endpoint.parse(request()), facts, 'the same request parsed again')
      expectEqual(await endpoint.parse(await readRequest(await fresh(subject, request))), facts, 'a repeat of the request')
    }
  },

  'gives different facts different keys': async (subject) => {
    const seen: string[] = []
    for await (const { facts } of genuineFacts(subject)) seen.push(...facts.map(({ idempotencyKey }) => idempotencyKey))
    expectEqual(new Set(seen).size, seen.length, `keys of different webhooks: ${seen.join(', ')}`)
  },

  'keeps the raw webhook beside the fact': async (subject) => {
    for await (const { facts } of genuineFacts(subject)) {
      expectTrue(
        facts.every(({ source }) => source?.via === 'webhook' && source.raw !== undefined),
        'source.raw of each fact',
      )
    }
  },

  'takes the same webhook any number of times': async (subject) => {
    for await (const { endpoint, request } of genuineFacts(subject)) {
      for (let turn = 0; turn < 50; turn += 1) {
        await endpoint.authorize?.(request())
        await endpoint.verify(request())
        await endpoint.parse(request())
      }
    }
  },

  'refuses forged webhooks as unverified, before it looks at the body': async (subject) => {
    const webhook = webhookOf(subject)
    expectTrue(webhook.forged.length > 0, 'the subject gives forged requests')
    for (const [index, forge] of webhook.forged.entries()) {
      for (const body of [...garbage, ...(await genuineBodies(subject))]) {
        const request = forge(body)
        const endpoint = endpointFor(subject.transport, request)
        const received = await readRequest(request)
        await expectCode(() => endpoint.verify(received), 'webhook_unverified', `verify of forged[${index}]`)
      }
    }
  },

  'refuses garbage and what it does not know as unparsable, and drops nothing': async (subject) => {
    const webhook = webhookOf(subject)
    for (const [index, body] of garbage.entries()) {
      const request = await webhook.signed(body)
      const endpoint = endpointFor(subject.transport, request)
      const received = await readRequest(request)
      await endpoint.verify(received)
      await expectCode(() => endpoint.parse(received), 'webhook_unparsable', `parse of ${describeBody(body, index)}`)
    }
  },

  'acknowledges each webhook with a success answer of its own': async (subject) => {
    webhookOf(subject)
    for (const endpoint of subject.transport.webhooks ?? []) {
      if (!endpoint.acknowledge) continue
      const answers = [endpoint.acknowledge(), endpoint.acknowledge()]
      expectTrue(answers[0] !== answers[1], `acknowledge() of ${endpoint.path}: expected a new Response each time, got the same one`)
      for (const answer of answers) {
        expectTrue(answer.ok, `status of acknowledge() of ${endpoint.path}: expected 200 to 299, got ${answer.status}`)
        expectTrue(!answer.bodyUsed, `acknowledge() of ${endpoint.path}: expected a new Response each time, got one that was read`)
        await answer.text()
      }
      expectNoSecret(answers[0], subject.secrets, `answer of acknowledge() of ${endpoint.path}`)
    }
  },

  'understands a genuine webhook after garbage': async (subject) => {
    const webhook = webhookOf(subject)
    for (const body of garbage) {
      const request = await webhook.signed(body)
      const endpoint = endpointFor(subject.transport, request)
      await Promise.resolve(readRequest(request).then((received) => endpoint.parse(received))).catch(() => undefined)
    }
    for await (const { facts } of genuineFacts(subject)) expectTrue(facts.length > 0, 'facts after garbage')
  },

  'lets no secret into a fact or into the error of a webhook': async (subject) => {
    const { secrets, transport } = subject
    const webhook = webhookOf(subject)
    expectTrue(secrets.length > 0 && secrets.every((secret) => secret.length >= 4), 'the subject names its secrets')
    for await (const { facts } of genuineFacts(subject)) expectNoSecret(facts, secrets, 'facts')
    for (const forge of webhook.forged) {
      const request = forge(encode('{}'))
      const received = await readRequest(request)
      expectNoSecret(await caught(() => endpointFor(transport, request).verify(received), 'verify'), secrets, 'error of verify')
    }
    for (const body of garbage) {
      const request = await webhook.signed(body)
      try {
        await endpointFor(transport, request).parse(await readRequest(request))
      } catch (error) {
        expectNoSecret(error, secrets, 'error of parse')
      }
    }
  },

  'gives the receipt of a message that the provider takes': async ({ sending, secrets }) => {
    const { transport, message } = await sending('accepted')
    const receipt = await transport.send(message, { signal: new AbortController().signal })
    expectTrue(typeof receipt.providerMessageId === 'string' && receipt.providerMessageId !== '', "the provider's id is in the receipt")
    expectNoSecret(receipt, secrets, 'receipt')
    createEvent(sentWith(receipt, transport, message), { clock: systemClock, ids: uuidSource })
  },

  'hands a message to the provider once, whatever the provider answers': async ({ sending }) => {
    for (const scenario of ['accepted', 'rejected', 'unavailable', 'uncertain'] as const) {
      const { transport, message, calls } = await sending(scenario)
      if (!calls) return notApplicable('sending() of the subject gives no calls()')
      await transport.send(message, { signal: new AbortController().signal }).catch(() => undefined)
      expectEqual(calls(), 1, `calls of the provider, ${scenario}`)
    }
  },

  'tells the four ways in which sending fails apart': async ({ sending, secrets }) => {
    const codes = {
      rejected: 'send_rejected',
      unavailable: 'send_unavailable',
      uncertain: 'send_uncertain',
      misconfigured: 'transport_misconfigured',
    } as const
    for (const [scenario, code] of Object.entries(codes)) {
      const { transport, message } = await sending(scenario as SendScenario)
      const error = await caught(() => transport.send(message, { signal: new AbortController().signal }), `send, ${scenario}`)
      await expectCode(() => Promise.reject(error), code, `send, ${scenario}`)
      if (code === 'send_rejected')
        expectTrue((error as { failure?: unknown }).failure !== undefined, 'send_rejected says whose fault it is')
      expectNoSecret(error, secrets, `error of send, ${scenario}`)
    }
  },

  'sends nothing when the signal is aborted before': async ({ sending }) => {
    const { transport, message, calls } = await sending('accepted')
    const controller = new AbortController()
    controller.abort(new Error('stopped'))
    await expectCode(() => transport.send(message, { signal: controller.signal }), 'send_unavailable', 'send with an aborted signal')
    expectEqual(calls?.() ?? 0, 0, 'calls of the provider')
  },

  'gives the same delivery of the inbox until it is acknowledged, and then the next': async (subject) => {
    const { inbox, signal } = await filledInbox(subject, 2)
    const first = await delivery(inbox, signal)
    const again = await delivery(inbox, signal)
    expectEqual(again.body, first.body, 'a delivery that was not acknowledged')
    await again.acknowledge()
    const second = await delivery(inbox, signal)
    expectTrue(new TextDecoder().decode(second.body) !== new TextDecoder().decode(first.body), 'the next delivery is another one')
    await second.acknowledge()
    await second.acknowledge()
    expectEqual(await inbox.receive({ signal }), undefined, 'an inbox with nothing left')
  },

  'gives equal facts for equal deliveries of the inbox': async (subject) => {
    const { inbox, signal } = await filledInbox(subject, 1)
    const { body } = await delivery(inbox, signal)
    const facts = await inbox.parse(body)
    expectTrue(facts.length > 0, 'a genuine delivery holds at least one fact')
    for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
    expectTrue(
      facts.every(({ source }) => source?.via === 'poll' && source.raw !== undefined),
      'source.via is poll, and source.raw is there',
    )
    expectEqual(await inbox.parse(body.slice()), facts, 'the same delivery parsed again')
    expectNoSecret(facts, subject.secrets, 'facts of the inbox')
    expectOwn(facts, subject)
    expectNamed(facts, subject)
  },

  'ends the wait for the inbox when the signal is aborted': async (subject) => {
    const { inbox } = await filledInbox(subject, 0)
    const stop = new AbortController()
    const waiting = Promise.resolve(inbox.receive({ signal: stop.signal })).catch(() => undefined)
    stop.abort(new Error('stopped'))
    expectEqual(await waiting, undefined, 'a wait that was ended')
  },

  'finds out what became of a message, and guesses nothing': async (subject) => {
    if (!subject.transport.reconciler) return notApplicable('the transport has no reconciler')
    const ask = async (scenario: ReconcileScenario) => {
      const { transport, message, attemptedAt } = await present(subject.reconciling?.(scenario), 'reconciling')
      const signal = new AbortController().signal
      return present(transport.reconciler, 'reconciler').reconcile(message, { attemptedAt, signal })
    }
    const taken = await ask('taken')
    expectTrue(typeof taken === 'object' && taken.providerMessageId !== '', 'a message that was taken comes back as its receipt')
    expectNoSecret(taken, subject.secrets, 'receipt of reconcile')
    const answer = await ask('not-sent')
    expectTrue(answer === 'not-sent' || answer === 'unknown', `a message that was not taken: expected not-sent or unknown, got ${answer}`)
    let unreachable: unknown
    try {
      unreachable = await ask('unreachable')
    } catch (error) {
      expectNoSecret(error, subject.secrets, 'error of reconcile')
      unreachable = 'unknown'
    }
    expectEqual(unreachable, 'unknown', 'a message when the provider cannot be asked')
  },

  'finds nothing wrong with what is right, and a remedy for what is wrong': async (subject) => {
    if (!subject.transport.probe) return notApplicable('the transport has no probe')
    const check = async (scenario: 'healthy' | 'unhealthy') => {
      const transport = await present(subject.probing?.(scenario), 'probing')
      return present(transport.probe, 'probe').check({ signal: new AbortController().signal })
    }
    expectEqual(await check('healthy'), [], 'problems of a healthy transport')
    const problems = await check('unhealthy')
    expectTrue(problems.length > 0, 'an unhealthy transport has a problem')
    expectTrue(
      problems.every(({ problem, remedy }) => problem !== '' && remedy !== ''),
      'each problem has a remedy',
    )
    expectNoSecret(problems, subject.secrets, 'problems')
  },
}

/** The provider took the message, as the outbox records it. */
function sentWith(
  { providerMessageId, occurredAt, extra }: SendReceipt,
  transport: Transport,
  { messageId, to }: OutboundMessage,
): EventFact {
  const { id, channel, account, provider = id } = transport
  return {
    type: 'message.sent',
    idempotencyKey: `conformance:${messageId}`,
    channel,
    provider,
    account,
    direction: 'outbound',
    contact: to,
    messageId,
    providerMessageId,
    ...(occurredAt === undefined ? {} : { occurredAt, occurredAtSource: 'provider' as const }),
    data: { origin: 'api', ...(extra ? { extra: extra as NonNullable<MessageEventOf<'message.sent'>['data']['extra']> } : {}) },
  }
}

function expectOwn(facts: readonly EventFact[], { transport, webhook }: TransportSubject): void {
  const { id, account, provider = id } = transport
  for (const fact of facts) {
    const channel = webhook?.otherChannels?.includes(fact.channel) ? fact.channel : transport.channel
    const what = `channel, provider and account of ${fact.type} ${fact.idempotencyKey}`
    expectEqual({ channel: fact.channel, provider: fact.provider, account: fact.account }, { channel, provider, account }, what)
  }
}

function expectNamed(facts: readonly EventFact[], { transport: { id, provider = id } }: TransportSubject): void {
  for (const fact of facts) {
    if (fact.type !== 'message.received') continue
    expectEqual(fact.messageId, `${provider}:${fact.providerMessageId}`, 'messageId of message.received')
  }
}

function describeBody(body: Uint8Array, index: number): string {
  return `garbage ${index + 1}, ${JSON.stringify(new TextDecoder().decode(body.subarray(0, 60)))}`
}

/** What the subject shows of webhooks; the test is skipped for a transport without any. */
function webhookOf(subject: TransportSubject): NonNullable<TransportSubject['webhook']> {
  if (!subject.transport.webhooks?.length) return notApplicable('the transport has no webhooks')
  return present(subject.webhook, 'webhook')
}

async function filledInbox(subject: TransportSubject, count: number): Promise<{ inbox: InboxReader; signal: AbortSignal }> {
  const { inbox } = subject.transport
  if (!inbox) return notApplicable('the transport has no inbox')
  await present(subject.inbox, 'inbox').fill(count)
  return { inbox, signal: new AbortController().signal }
}

async function delivery(inbox: InboxReader, signal: AbortSignal): Promise<InboxDelivery> {
  return present(await inbox.receive({ signal }), 'a delivery')
}

/** The subject must bring what the abilities of its transport need: a kit that skips in silence proves nothing. */
function present<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`Expected ${what}, got none: the transport has this ability, so its subject must show it`)
  return value
}

async function* genuineFacts(subject: TransportSubject) {
  for (const make of webhookOf(subject).genuine) {
    const incoming = make()
    const endpoint = endpointFor(subject.transport, incoming)
    const received = await readRequest(incoming)
    const request = (): WebhookRequest => ({ ...received, body: received.body.slice() })
    await endpoint.verify(request())
    yield { endpoint, request, facts: await endpoint.parse(request()) }
  }
}

async function genuineBodies(subject: TransportSubject): Promise<Uint8Array<ArrayBuffer>[]> {
  return Promise.all(webhookOf(subject).genuine.map(async (make) => new Uint8Array(await make().arrayBuffer())))
}

/** The request as a provider would send it once more. */
async function fresh(subject: TransportSubject, request: () => WebhookRequest): Promise<Request> {
  const { method, url, headers, body } = request()
  const signed = method === 'GET' ? undefined : await subject.webhook?.signed(body as Uint8Array<ArrayBuffer>)
  return signed ?? new Request(url, { method, headers })
}

function endpointFor(transport: Transport, request: Request): WebhookEndpoint {
  const { pathname } = new URL(request.url)
  const endpoint = transport.webhooks?.find(({ path, methods }) => path === pathname && methods.includes(request.method))
  if (!endpoint) throw new Error(`The subject's request ${request.method} ${pathname} is for no endpoint of the transport`)
  return endpoint
}
