import { createEvent } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { InboxDelivery, InboxReader, OutboundMessage, Transport, WebhookEndpoint } from '../transport/transport.ts'
import type { WebhookRequest } from '../transport/webhook-request.ts'
import { expectNoSecret } from './no-secret.ts'
import { readRequest } from './read-request.ts'
import { caught, expectCode, expectEqual, expectTrue, type KitOptions, type KitTests, registerKit } from './runner.ts'

/** What a provider may do with a message that is handed to it. */
export type SendScenario = 'accepted' | 'rejected' | 'unavailable' | 'uncertain' | 'misconfigured'

export interface Sending {
  readonly transport: Transport
  readonly message: OutboundMessage
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
  encode('a=1&b=%ZZ&c'),
  encode('['.repeat(100_000)),
  new Uint8Array([0xff, 0xfe, 0x00, 0xc3, 0x28]),
]

const tests: KitTests<TransportSubject> = {
  'says what it is': async ({ transport }) => {
    expectTrue(/^[a-z][a-z0-9-]*$/.test(transport.id), `id: expected lower-case letters, digits and dashes, got ${transport.id}`)
    expectTrue(
      /^[a-z][a-z0-9-]*$/.test(transport.channel),
      `channel: expected lower-case letters, digits and dashes, got ${transport.channel}`,
    )
    expectTrue(transport.account.length > 0, 'account is not empty')
  },

  'gives events that keep the schema': async (subject) => {
    for await (const { facts } of genuineFacts(subject)) {
      expectTrue(facts.length > 0, 'a genuine webhook holds at least one fact')
      for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
    }
  },

  'gives equal facts when the same webhook comes again': async (subject) => {
    for await (const { facts, endpoint, request } of genuineFacts(subject)) {
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
    const { webhook } = subject
    if (!webhook) return
    expectTrue(webhook.forged.length > 0, 'the subject gives forged requests')
    for (const forge of webhook.forged) {
      for (const body of [...garbage, ...(await genuineBodies(subject))]) {
        const request = forge(body)
        const endpoint = endpointFor(subject.transport, request)
        const received = await readRequest(request)
        await expectCode(() => endpoint.verify(received), 'webhook_unverified', 'verify of a forged request')
      }
    }
  },

  'takes no garbage for a fact': async (subject) => {
    const { webhook } = subject
    if (!webhook) return
    for (const body of garbage) {
      const request = await webhook.signed(body)
      const endpoint = endpointFor(subject.transport, request)
      const received = await readRequest(request)
      await endpoint.verify(received)
      let facts: readonly unknown[] = []
      try {
        facts = await endpoint.parse(received)
      } catch {
        continue
      }
      expectEqual(facts, [], 'facts in garbage')
    }
  },

  'understands a genuine webhook after garbage': async (subject) => {
    const { webhook } = subject
    if (!webhook) return
    for (const body of garbage) {
      const request = await webhook.signed(body)
      const endpoint = endpointFor(subject.transport, request)
      await Promise.resolve(readRequest(request).then((received) => endpoint.parse(received))).catch(() => undefined)
    }
    for await (const { facts } of genuineFacts(subject)) expectTrue(facts.length > 0, 'facts after garbage')
  },

  'lets no secret into a fact or into the error of a webhook': async (subject) => {
    const { webhook, secrets, transport } = subject
    expectTrue(secrets.length > 0 && secrets.every((secret) => secret.length >= 4), 'the subject names its secrets')
    for await (const { facts } of genuineFacts(subject)) expectNoSecret(facts, secrets, 'facts')
    for (const forge of webhook?.forged ?? []) {
      const request = forge(encode('{}'))
      const received = await readRequest(request)
      expectNoSecret(await caught(() => endpointFor(transport, request).verify(received), 'verify'), secrets, 'error of verify')
    }
    for (const body of webhook ? garbage : []) {
      const request = await (webhook as NonNullable<typeof webhook>).signed(body)
      try {
        await endpointFor(transport, request).parse(await readRequest(request))
      } catch (error) {
        expectNoSecret(error, secrets, 'error of parse')
      }
    }
  },

  'gives the receipt of a message that the provider takes': async ({ sending }) => {
    const { transport, message } = await sending('accepted')
    const receipt = await transport.send(message, { signal: new AbortController().signal })
    expectTrue(typeof receipt.providerMessageId === 'string' && receipt.providerMessageId !== '', "the provider's id is in the receipt")
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
    const { transport, message } = await sending('accepted')
    const controller = new AbortController()
    controller.abort(new Error('stopped'))
    await expectCode(() => transport.send(message, { signal: controller.signal }), 'send_unavailable', 'send with an aborted signal')
  },

  'gives the same delivery of the inbox until it is acknowledged, and then the next': async (subject) => {
    const { transport, signal } = await filledInbox(subject, 2)
    if (!transport.inbox) return
    const first = await delivery(transport.inbox, signal)
    const again = await delivery(transport.inbox, signal)
    expectEqual(again.body, first.body, 'a delivery that was not acknowledged')
    await again.acknowledge()
    const second = await delivery(transport.inbox, signal)
    expectTrue(new TextDecoder().decode(second.body) !== new TextDecoder().decode(first.body), 'the next delivery is another one')
    await second.acknowledge()
    await second.acknowledge()
    expectEqual(await transport.inbox.receive({ signal }), undefined, 'an inbox with nothing left')
  },

  'gives equal facts for equal deliveries of the inbox': async (subject) => {
    const { transport, signal } = await filledInbox(subject, 1)
    if (!transport.inbox) return
    const { body } = await delivery(transport.inbox, signal)
    const facts = await transport.inbox.parse(body)
    expectTrue(facts.length > 0, 'a genuine delivery holds at least one fact')
    for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
    expectTrue(
      facts.every(({ source }) => source?.via === 'poll' && source.raw !== undefined),
      'source.via is poll, and source.raw is there',
    )
    expectEqual(await transport.inbox.parse(body.slice()), facts, 'the same delivery parsed again')
    expectNoSecret(facts, subject.secrets, 'facts of the inbox')
  },

  'ends the wait for the inbox when the signal is aborted': async (subject) => {
    const { inbox } = (await filledInbox(subject, 0)).transport
    if (!inbox) return
    const stop = new AbortController()
    const waiting = Promise.resolve(inbox.receive({ signal: stop.signal })).catch(() => undefined)
    stop.abort(new Error('stopped'))
    expectEqual(await waiting, undefined, 'a wait that was ended')
  },

  'finds out what became of a message, and guesses nothing': async (subject) => {
    if (!subject.transport.reconciler) return
    const ask = async (scenario: ReconcileScenario) => {
      const { transport, message, attemptedAt } = await present(subject.reconciling?.(scenario), 'reconciling')
      const signal = new AbortController().signal
      return present(transport.reconciler, 'reconciler').reconcile(message, { attemptedAt, signal })
    }
    const taken = await ask('taken')
    expectTrue(typeof taken === 'object' && taken.providerMessageId !== '', 'a message that was taken comes back as its receipt')
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
    if (!subject.transport.probe) return
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

async function filledInbox(subject: TransportSubject, count: number): Promise<{ transport: Transport; signal: AbortSignal }> {
  const { transport } = subject
  if (transport.inbox) await present(subject.inbox, 'inbox').fill(count)
  return { transport, signal: new AbortController().signal }
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
  for (const make of subject.webhook?.genuine ?? []) {
    const incoming = make()
    const endpoint = endpointFor(subject.transport, incoming)
    const received = await readRequest(incoming)
    const request = (): WebhookRequest => ({ ...received, body: received.body.slice() })
    await endpoint.verify(request())
    yield { endpoint, request, facts: await endpoint.parse(request()) }
  }
}

async function genuineBodies(subject: TransportSubject): Promise<Uint8Array<ArrayBuffer>[]> {
  return Promise.all((subject.webhook?.genuine ?? []).map(async (make) => new Uint8Array(await make().arrayBuffer())))
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
