import { describe, expect, it } from 'vitest'
import { CommsError } from '../errors.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { EventFact } from '../events/message-event.ts'
import type { InboxReader, SendReconciler, Transport, TransportProbe, WebhookEndpoint } from '../transport/transport.ts'
import { bodyText } from '../transport/webhook-request.ts'
import { failuresOf, runKit } from './planted-fault.ts'
import { type ReconcileScenario, type Sending, type SendScenario, type TransportSubject, transportConformance } from './transport.ts'

const SECRET = 'pigeon-secret-1'
const URL_OF_WEBHOOK = 'https://comms.example.com/webhooks/pigeon'

const post = (body: string | Uint8Array<ArrayBuffer>, token?: string) =>
  new Request(URL_OF_WEBHOOK, { method: 'POST', body, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })

const message = { messageId: 'm-1', to: parseContactAddress('+33639980001'), content: { text: 'coo' } }

function factsOf(body: Uint8Array, via: 'webhook' | 'poll'): EventFact[] {
  let note: { id?: string; text?: string } | null
  try {
    note = JSON.parse(new TextDecoder().decode(body))
  } catch (cause) {
    throw new CommsError('webhook_unparsable', 'Pigeon: expected JSON', { cause })
  }
  if (typeof note?.id !== 'string') throw new CommsError('webhook_unparsable', 'Pigeon: expected a note with an id')
  return [
    {
      type: 'message.received',
      idempotencyKey: idempotencyKey('pigeon', note.id),
      channel: 'pigeon',
      provider: 'pigeon',
      account: 'loft-1',
      direction: 'inbound',
      contact: parseContactAddress('+33639980001'),
      messageId: `pigeon:${note.id}`,
      providerMessageId: note.id,
      source: { via, raw: note },
      data: { text: note.text ?? '' },
    },
  ]
}

/** A whole transport, small and right; each planted fault bends one part of it. */
function pigeon(
  bend: {
    endpoint?: Partial<WebhookEndpoint>
    send?: (scenario: SendScenario) => Transport['send']
    /** What the transport does around a call of the provider. */
    around?: (call: Transport['send']) => Transport['send']
    says?: Partial<Transport>
    inbox?: Partial<InboxReader>
    reconcile?: SendReconciler['reconcile']
    check?: TransportProbe['check']
  } = {},
): TransportSubject {
  const send =
    bend.send ??
    ((scenario: SendScenario): Transport['send'] =>
      async (_message, { signal }) => {
        if (signal.aborted) throw new CommsError('send_unavailable', 'Pigeon: stopped before sending')
        if (scenario === 'rejected') throw new CommsError('send_rejected', 'Pigeon: no such loft', { failure: 'recipient' })
        if (scenario === 'unavailable') throw new CommsError('send_unavailable', 'Pigeon: storm', { retryAfterMs: 1000 })
        if (scenario === 'uncertain') throw new CommsError('send_uncertain', 'Pigeon: did not come back')
        if (scenario === 'misconfigured') throw new CommsError('transport_misconfigured', 'Pigeon: wrong ring')
        return { providerMessageId: 'p-1' }
      })
  const endpoint: WebhookEndpoint = {
    path: '/webhooks/pigeon',
    methods: ['POST'],
    verify: ({ headers }) => {
      if (headers.get('authorization') !== `Bearer ${SECRET}`) throw new CommsError('webhook_unverified', 'Pigeon: wrong ring')
    },
    parse: (request) => factsOf(request.body, 'webhook'),
    ...bend.endpoint,
  }
  /** The same, with a provider that counts its calls. */
  const counted = (transport: Transport): Sending & { readonly calls: () => number } => {
    let calls = 0
    const call: Transport['send'] = (given, options) => {
      if (!options.signal.aborted) calls += 1
      return transport.send(given, options)
    }
    return { transport: { ...transport, send: bend.around?.(call) ?? call }, message, calls: () => calls }
  }
  const queue: Uint8Array[] = []
  const inbox: InboxReader = {
    receive: async () => {
      const body = queue[0]
      if (!body) return undefined
      return {
        body,
        acknowledge: async () => {
          if (queue[0] === body) queue.shift()
        },
      }
    },
    parse: (body) => factsOf(body, 'poll'),
    ...bend.inbox,
  }
  const transport = (scenario: SendScenario, known: ReconcileScenario = 'taken', healthy = true): Transport => ({
    id: 'pigeon',
    channel: 'pigeon',
    account: 'loft-1',
    send: send(scenario),
    webhooks: [endpoint],
    ...bend.says,
    inbox,
    reconciler: {
      reconcile:
        bend.reconcile ??
        (async () => ({ taken: { providerMessageId: 'p-1' }, 'not-sent': 'not-sent', unreachable: 'unknown' })[known] as never),
    },
    probe: { check: bend.check ?? (async () => (healthy ? [] : [{ severity: 'error', problem: 'No corn', remedy: 'Buy corn' }])) },
  })
  return {
    transport: transport('accepted'),
    secrets: [SECRET],
    webhook: {
      genuine: ['1', '2'].map((id) => () => post(JSON.stringify({ id, text: 'coo' }), SECRET)),
      signed: (body) => post(body, SECRET),
      forged: [(body) => post(body), (body) => post(body, 'wrong')],
    },
    sending: (scenario) => counted(transport(scenario)),
    inbox: {
      fill: (count) => {
        for (let id = 0; id < count; id += 1) queue.push(new TextEncoder().encode(JSON.stringify({ id: `i${id}` })))
      },
    },
    reconciling: (scenario) => ({ transport: transport('uncertain', scenario), message, attemptedAt: '2026-01-06T11:00:00.000Z' }),
    probing: (scenario) => transport('accepted', 'taken', scenario === 'healthy'),
  }
}

type Bend = NonNullable<Parameters<typeof pigeon>[0]>
const failures = (bend: Bend) => failuresOf((runner) => transportConformance('pigeon', () => pigeon(bend), { runner }))
const good = pigeon().transport.webhooks?.[0] as WebhookEndpoint

transportConformance('pigeon', () => pigeon(), { runner: { describe, it } })

const parsing = (change: (fact: EventFact) => object): Bend => ({
  endpoint: { parse: async (request) => (await good.parse(request)).map((fact) => ({ ...fact, ...change(fact) }) as EventFact) },
})
const receiving = (receipt: object): Bend => ({
  around: (call) => async (given, options) => ({ ...(await call(given, options)), ...receipt }) as never,
})
const EXTRA = 'gives the receipt of a message that the provider takes'
const OWN = 'says that every fact is of its own channel, provider and account'
const oneAnswer = new Response()

/** Each planted fault, and the test that must find it. */
const mutants: readonly (readonly [name: string, bend: Bend, foundBy: string])[] = [
  [
    'retries-inside',
    { around: (call) => (given, options) => call(given, options).catch(() => call(given, options)) },
    'hands a message to the provider once, whatever the provider answers',
  ],
  ['fact-other-provider', parsing(() => ({ provider: 'raven' })), OWN],
  ['fact-other-account', parsing(() => ({ account: 'loft-2' })), OWN],
  ['fact-without-account', parsing(() => ({ account: undefined })), OWN],
  ['fact-other-channel', parsing(() => ({ channel: 'sms' })), OWN],
  [
    'messageid-bare',
    parsing((fact) => ({ messageId: (fact as { providerMessageId?: string }).providerMessageId })),
    'names an inbound message provider:providerMessageId',
  ],
  [
    'unknown-dropped',
    {
      endpoint: {
        parse: async (request) =>
          Promise.resolve(request)
            .then(good.parse)
            .catch(() => []),
      },
    },
    'refuses garbage and what it does not know as unparsable, and drops nothing',
  ],
  [
    'unknown-plain-error',
    {
      endpoint: {
        parse: async (request) =>
          Promise.resolve(request)
            .then(good.parse)
            .catch((error) => {
              throw new Error(error.message)
            }),
      },
    },
    'refuses garbage and what it does not know as unparsable, and drops nothing',
  ],
  [
    'ack-500',
    { endpoint: { acknowledge: () => new Response('', { status: 500 }) } },
    'acknowledges each webhook with a success answer of its own',
  ],
  ['ack-same', { endpoint: { acknowledge: () => oneAnswer } }, 'acknowledges each webhook with a success answer of its own'],
  ['secret-in-extra', receiving({ extra: { link: `https://example.com/?key=${SECRET}` } }), EXTRA],
  ['extra-empty-key', receiving({ extra: { '': 1 } }), EXTRA],
  ['extra-long-key', receiving({ extra: { ['x'.repeat(600)]: 1 } }), EXTRA],
  ['receipt-without-id', receiving({ providerMessageId: '' }), EXTRA],
  ['secret-as-account', { says: { account: SECRET } }, 'says what it is'],
  [
    'clock-in-key',
    parsing((fact) => ({ idempotencyKey: `${fact.idempotencyKey}:${Math.floor(Date.now() / 1000)}` })),
    'gives equal facts when the same webhook comes again',
  ],
  ['random-key', parsing(() => ({ idempotencyKey: `pigeon:${Math.random()}` })), 'gives equal facts when the same webhook comes again'],
  ['one-key', parsing(() => ({ idempotencyKey: 'k' })), 'gives different facts different keys'],
  ['no-raw', parsing(() => ({ source: { via: 'webhook' } })), 'keeps the raw webhook beside the fact'],
  [
    'secret-in-fact',
    parsing(() => ({ source: { via: 'webhook', raw: SECRET } })),
    'lets no secret into a fact or into the error of a webhook',
  ],
  ['forged-let-in', { endpoint: { verify: () => {} } }, 'refuses forged webhooks as unverified, before it looks at the body'],
  [
    'send-ignores-abort',
    { around: (call) => (given) => call(given, { signal: new AbortController().signal }) },
    'sends nothing when the signal is aborted before',
  ],
]

describe('the transport kit finds planted faults', () => {
  for (const [name, bend, foundBy] of mutants) {
    it(`mutant ${name} is caught by "${foundBy}"`, async () => {
      expect(await failures(bend)).toContain(foundBy)
    })
  }

  it('skips what a transport does not have, with the reason, and passes none of it', async () => {
    const plain = () => {
      const { webhook: _w, inbox: _i, reconciling: _r, probing: _p, ...subject } = pigeon()
      const { webhooks: _, inbox: __, reconciler: ___, probe: ____, ...transport } = subject.transport
      return { ...subject, transport, sending: pigeon().sending }
    }
    const { skipped, failed } = await runKit((runner) => transportConformance('plain', plain, { runner }))
    expect(failed).toEqual([])
    expect(new Set(skipped.map(({ why }) => why))).toEqual(
      new Set([
        'the transport has no webhooks',
        'the transport has no inbox',
        'the transport has no reconciler',
        'the transport has no probe',
      ]),
    )
  })

  it('finds a transport that parses before it verifies', async () => {
    const verify: WebhookEndpoint['verify'] = (request) => {
      JSON.parse(bodyText(request))
      return good.verify(request)
    }
    expect(await failures({ endpoint: { verify } })).toContain('refuses forged webhooks as unverified, before it looks at the body')
  })

  it('finds a transport that lets forged webhooks in', async () => {
    expect(await failures({ endpoint: { verify: () => {} } })).toContain(
      'refuses forged webhooks as unverified, before it looks at the body',
    )
  })

  it('finds a transport that throws on repeats', async () => {
    const seen = new Set<string>()
    const parse: WebhookEndpoint['parse'] = (request) => {
      if (seen.has(bodyText(request))) throw new Error('seen before')
      seen.add(bodyText(request))
      return good.parse(request)
    }
    expect(await failures({ endpoint: { parse } })).toContain('gives equal facts when the same webhook comes again')
  })

  it('finds a transport that leaks the secret into an error', async () => {
    const verify: WebhookEndpoint['verify'] = () => {
      throw new CommsError('webhook_unverified', `Pigeon: expected ${SECRET}`)
    }
    expect(await failures({ endpoint: { verify } })).toContain('lets no secret into a fact or into the error of a webhook')
  })

  it('finds a transport that leaks the secret into the cause of a failed send', async () => {
    const send = (scenario: SendScenario): Transport['send'] => {
      const right = pigeon().sending(scenario) as Sending
      return (message, options) =>
        right.transport.send(message, options).catch((error: CommsError) => {
          throw new CommsError(error.code, error.message, { ...error, cause: new Error(`GET /send/${SECRET}`) })
        })
    }
    expect(await failures({ send })).toEqual(['tells the four ways in which sending fails apart'])
  })

  it('finds a transport that makes keys from a random source', async () => {
    const parse: WebhookEndpoint['parse'] = async (request) =>
      (await good.parse(request)).map((fact) => ({ ...fact, idempotencyKey: `pigeon:${Math.random()}` }))
    expect(await failures({ endpoint: { parse } })).toEqual(['gives equal facts when the same webhook comes again'])
  })

  it('finds a transport that gives different facts one key', async () => {
    const parse: WebhookEndpoint['parse'] = async (request) => (await good.parse(request)).map((fact) => ({ ...fact, idempotencyKey: 'k' }))
    expect(await failures({ endpoint: { parse } })).toEqual(['gives different facts different keys'])
  })

  it('finds a transport that throws errors without a code', async () => {
    const send = (): Transport['send'] => async () => {
      throw new Error('it failed')
    }
    expect(await failures({ send })).toContain('tells the four ways in which sending fails apart')
  })

  it('finds an inbox that goes on before the delivery is acknowledged', async () => {
    let next = 0
    const receive = async () => {
      next += 1
      return { body: new TextEncoder().encode(`{"id":"${next}"}`), acknowledge: async () => {} }
    }
    expect(await failures({ inbox: { receive } })).toContain(
      'gives the same delivery of the inbox until it is acknowledged, and then the next',
    )
  })

  it('finds a reconciler that guesses when the provider cannot be asked', async () => {
    expect(await failures({ reconcile: async () => 'not-sent' })).toEqual(['finds out what became of a message, and guesses nothing'])
    expect(await failures({ reconcile: async () => ({ providerMessageId: 'p-1' }) })).toEqual([
      'finds out what became of a message, and guesses nothing',
    ])
  })

  it('finds a probe that says nothing, or always something', async () => {
    const name = 'finds nothing wrong with what is right, and a remedy for what is wrong'
    expect(await failures({ check: async () => [] })).toEqual([name])
    expect(await failures({ check: async () => [{ severity: 'error', problem: 'x', remedy: 'y' }] })).toEqual([name])
  })

  it('finds a subject that does not show an ability of its transport', async () => {
    const hidden = () => {
      const { inbox: _, probing: __, ...subject } = pigeon()
      return subject
    }
    expect(await failuresOf((runner) => transportConformance('pigeon', hidden, { runner }))).toHaveLength(4)
  })
})
