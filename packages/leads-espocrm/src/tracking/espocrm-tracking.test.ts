import {
  createEvent,
  type EventFact,
  type LeadMatch,
  memoryCheckpointStore,
  memoryEventStore,
  parseContactAddress,
  runConsumer,
  streamIdOf,
  systemClock,
  timerSleep,
  uuidSource,
} from '@pipe-comms/core'
import { espoCrmSimulator } from '@pipe-comms/simulators'
import { beforeEach, describe, expect, it } from 'vitest'
import { espoCrmTracking, type SetAside } from './espocrm-tracking.ts'

const signal = new AbortController().signal
let crm: ReturnType<typeof espoCrmSimulator>
let store: ReturnType<typeof memoryEventStore>
/** What happens to the next answers of the CRM: the request is done, and the answer is lost. */
let lose: number
beforeEach(() => {
  crm = espoCrmSimulator({ apiKey: 'key' })
  store = memoryEventStore()
  lose = 0
})

const connection = () => ({
  url: 'https://crm.example.com',
  apiKey: 'key',
  fetch: async (url: string | URL | Request, init?: RequestInit) => {
    const answer = await crm.fetch(new Request(url, init))
    if (init?.method === 'POST' && lose-- > 0) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
    return answer
  },
})
const tracking = (track: 'emails' | 'all' = 'emails') => espoCrmTracking({ ...connection(), store, track })

const lead: LeadMatch = { id: 'lead-1', type: 'Lead', directory: 'espocrm', rule: 'email', certainty: 'certain' }
const contact = parseContactAddress('alex@example.com')
const email = { channel: 'email', provider: 'smtp', contact, endpoint: parseContactAddress('sales@example.org'), messageId: 'm-1' }

async function record(fact: EventFact) {
  const event = createEvent(fact, { clock: systemClock, ids: uuidSource })
  const [result] = await store.append([{ streamId: streamIdOf(event), events: [event] }])
  if (result?.status !== 'recorded' || !result.events[0]) throw new Error('not recorded')
  return result.events[0].event
}

const requested = () =>
  record({
    ...email,
    type: 'message.requested',
    direction: 'outbound',
    idempotencyKey: 'request:m-1',
    data: { content: { subject: 'Re: devis', html: '<p>Bonjour</p>', text: 'Bonjour' } },
  })
const sent = (over: Partial<EventFact> = {}) =>
  record({
    ...email,
    type: 'message.sent',
    idempotencyKey: 'sent:m-1',
    providerMessageId: '<one@example.org>',
    occurredAt: '2026-11-20T17:40:02.500Z',
    data: { origin: 'api' },
    ...over,
  } as EventFact)

describe('an e-mail that was sent', () => {
  it('becomes an archived Email on the lead', async () => {
    await requested()
    await tracking().handle(await sent({ lead }), { signal })
    expect(crm.records('Email')).toMatchObject([
      {
        name: 'Re: devis',
        from: 'sales@example.org',
        to: 'alex@example.com',
        body: '<p>Bonjour</p>',
        isHtml: true,
        status: 'Archived',
        dateSent: '2026-11-20 17:40:02',
        messageId: '<one@example.org>',
        parentType: 'Lead',
        parentId: 'lead-1',
      },
    ])
  })

  it('becomes one, however often it is told, and when the answer was lost', async () => {
    await requested()
    const event = await sent({ lead })
    lose = 1
    await expect(tracking().handle(event, { signal })).rejects.toMatchObject({ code: 'directory_unavailable' })
    for (let time = 0; time < 3; time += 1) await tracking().handle(event, { signal })
    expect(crm.records('Email')).toHaveLength(1)
  })

  it('is written when its lead is found later', async () => {
    await requested()
    await tracking().handle(await sent(), { signal })
    expect(crm.records('Email')).toEqual([])
    const found = await record({ ...email, type: 'lead.correlated', idempotencyKey: 'correlated', lead, data: { by: 'espocrm:email' } })
    await tracking().handle(found, { signal })
    await tracking().handle(found, { signal })
    expect(crm.records('Email')).toMatchObject([{ messageId: '<one@example.org>', parentId: 'lead-1' }])
  })

  it('is left alone when its lead is of another directory', async () => {
    await tracking().handle(await sent({ lead: { ...lead, directory: 'other' } }), { signal })
    expect(crm.requests).toEqual([])
  })
})

describe('a message', () => {
  const whatsapp = {
    type: 'message.received' as const,
    channel: 'whatsapp',
    provider: 'greenapi',
    direction: 'inbound' as const,
    contact: parseContactAddress('33639980001@c.us'),
    messageId: 'greenapi:1',
    providerMessageId: '1',
    idempotencyKey: 'received:1',
    occurredAt: '2026-11-20T17:40:02Z',
    lead,
    data: { text: 'Bonjour', media: [{ kind: 'image' as const, unavailable: 'expired', fileName: 'plan.png' }] },
  }

  it('becomes one Note in the stream of the lead, when all are wanted', async () => {
    const event = await record(whatsapp)
    await tracking().handle(event, { signal })
    expect(crm.records('Note')).toEqual([])
    lose = 1
    await expect(tracking('all').handle(event, { signal })).rejects.toMatchObject({ code: 'directory_unavailable' })
    await tracking('all').handle(event, { signal })
    expect(crm.records('Note')).toMatchObject([
      {
        type: 'Post',
        parentType: 'Lead',
        parentId: 'lead-1',
        post: `whatsapp from +33639980001, 2026-11-20 17:40:02 UTC\n\nBonjour\n[image: plan.png]\n\n${event.id}`,
      },
    ])
  })
})

describe('what the CRM refuses', () => {
  const note = (over: { lead?: LeadMatch; text?: string; id?: string }) => {
    const id = over.id ?? over.text ?? over.lead?.id ?? '1'
    return record({
      type: 'message.received',
      channel: 'whatsapp',
      provider: 'greenapi',
      direction: 'inbound',
      contact: parseContactAddress('33639980001@c.us'),
      messageId: id,
      providerMessageId: id,
      idempotencyKey: id,
      lead: over.lead ?? lead,
      data: { text: over.text ?? id },
    })
  }
  /** Runs the consumer until it has seen everything; what was written, and what was set aside. */
  const run = async (options: Partial<Parameters<typeof espoCrmTracking>[0]> = {}) => {
    const told: SetAside[] = []
    let waitsFor: string | undefined
    const tracked = espoCrmTracking({
      ...connection(),
      store,
      track: 'all',
      onSetAside: (message) => {
        told.push(message)
      },
      ...options,
    })
    const consumer = runConsumer({
      id: 'espocrm-tracking',
      store,
      checkpoints: memoryCheckpointStore(),
      handle: tracked.handle,
      firstRetryMs: 1,
      maxTries: 3,
      // The CRM asks for minutes between two tries.
      sleep: (_, signal) => timerSleep(1, signal),
      onProblem: ({ error, next }) => {
        if (next === 'retry') waitsFor ??= (error as Error).message
      },
    })
    await expect.poll(() => consumer.state().status === 'waiting' || consumer.state().failedTries > 5).toBe(true)
    await consumer.stop()
    const written = crm.records('Note').map(({ parentId }) => parentId)
    return { written, reasons: told.map(({ reason }) => reason), state: tracked.state(), waitsFor }
  }
  /** The CRM answers posts with this status, by the lead they are for. */
  const refusing = (statusOf: (parentId: string, path: string) => number | undefined) => ({
    fetch: async (url: string | URL | Request, init?: RequestInit) => {
      const request = new Request(url, init)
      const { parentId } = init?.method === 'POST' ? JSON.parse(init.body as string) : { parentId: '' }
      const status = statusOf(parentId, new URL(request.url).pathname.replace('/api/v1/', ''))
      return status === undefined ? crm.fetch(request) : new Response(null, { status })
    },
  })
  const gone = { ...lead, id: 'gone' }
  const there = { ...lead, id: 'there' }
  beforeEach(() => {
    crm.create('Lead', { id: 'gone', name: 'Gone' })
    crm.create('Lead', { id: 'there', name: 'There' })
  })

  it('for a lead that was deleted is set aside with its reason, and the rest is written', async () => {
    crm.remove('Lead', 'gone')
    await note({ lead: gone })
    await note({ lead: there })
    const { written, reasons, state, waitsFor } = await run()
    expect(waitsFor).toBeUndefined()
    expect(written).toEqual(['there'])
    expect(reasons).toEqual([
      "EspoCRM: POST Note answered 403; the API user's role must allow it, because Lead gone is gone or closed to the API user",
    ])
    expect(state).toMatchObject({ setAside: 1, latest: [{ lead: { id: 'gone' }, event: { messageId: 'gone' } }] })
  })

  it.each([400, 403, 404, 409])('with %i for a lead that cannot be found is set aside', async (status) => {
    crm.remove('Lead', 'gone')
    await note({ lead: gone })
    await note({ lead: there })
    const { written, reasons } = await run(refusing((parentId) => (parentId === 'gone' ? status : undefined)))
    expect(written).toEqual(['there'])
    expect(reasons).toHaveLength(1)
  })

  it('for a lead that the API user may not read is set aside', async () => {
    await note({ lead: gone })
    await note({ lead: there })
    const { written, reasons } = await run(refusing((parentId, path) => (parentId === 'gone' || path === 'Lead/gone' ? 403 : undefined)))
    expect(written).toEqual(['there'])
    expect(reasons).toHaveLength(1)
  })

  it('for its content is set aside', async () => {
    await note({ lead: gone })
    await note({ lead: there })
    const { written, reasons } = await run(refusing((parentId) => (parentId === 'gone' ? 400 : undefined)))
    expect(written).toEqual(['there'])
    expect(reasons).toEqual(['EspoCRM: POST Note answered 400'])
  })

  it('for one lead that it forbids after it took others is set aside', async () => {
    await note({ lead: there, id: 'first' })
    await note({ lead: gone })
    await note({ lead: there, id: 'second' })
    const { written, reasons } = await run(refusing((parentId) => (parentId === 'gone' ? 403 : undefined)))
    expect(written).toEqual(['there', 'there'])
    expect(reasons).toHaveLength(1)
  })

  it('because of the key makes the consumer wait for an operator, and nothing is set aside', async () => {
    await note({ lead: there })
    const { written, reasons, waitsFor } = await run({ apiKey: 'wrong' })
    expect([written, reasons]).toEqual([[], []])
    expect(waitsFor).toContain('answered 401')
  })

  it('because the role allows no notes makes the consumer wait for an operator, and nothing is set aside', async () => {
    await note({ lead: gone })
    await note({ lead: there })
    const { written, reasons, waitsFor } = await run(refusing((parentId) => (parentId ? 403 : undefined)))
    expect([written, reasons]).toEqual([[], []])
    expect(waitsFor).toContain('answered 403')
  })

  it('because the role allows no leads makes the consumer wait for an operator, and nothing is set aside', async () => {
    await note({ lead: gone })
    const { reasons, waitsFor } = await run(refusing((parentId, path) => (parentId || path.startsWith('Lead') ? 403 : undefined)))
    expect(reasons).toEqual([])
    expect(waitsFor).toContain('GET Lead answered 403')
  })

  it('is nothing of a text with half a surrogate pair or a NUL: both become U+FFFD', async () => {
    await note({ lead: there, text: 'coupé \ud83d', id: 'half' })
    await note({ lead: there, text: 'nul \0', id: 'nul' })
    const { written, reasons } = await run()
    expect([written, reasons]).toEqual([['there', 'there'], []])
    expect(crm.records('Note').map(({ post }) => String(post).split('\n')[2])).toEqual(['coupé \ufffd', 'nul \ufffd'])
  })

  it('when it is an Email of a lead that is gone is set aside too', async () => {
    crm.remove('Lead', 'gone')
    await sent({ lead: gone })
    const { reasons } = await run(refusing((parentId) => (parentId ? 404 : undefined)))
    expect(reasons).toEqual(['EspoCRM: POST Email answered 404, because Lead gone is gone or closed to the API user'])
  })
})

it('goes on where it was, with a CRM that fails and loses answers', async () => {
  const checkpoints = memoryCheckpointStore()
  for (let index = 0; index < 30; index += 1) {
    const messageId = `m-${index}`
    const one = { ...email, lead, messageId, providerMessageId: `<${index}@example.org>`, idempotencyKey: messageId }
    await record({ ...one, type: 'message.sent', direction: 'outbound', data: { origin: 'device', content: { text: messageId } } })
  }
  let count = 0
  crm.faults.failWith = () => (++count % 5 === 0 ? 503 : undefined)
  const lossy = connection()
  let posts = 0
  const options = {
    id: 'espocrm-tracking',
    store,
    checkpoints,
    firstRetryMs: 1,
    handle: espoCrmTracking({
      ...lossy,
      store,
      fetch: async (url: string | URL | Request, init?: RequestInit) => {
        if (init?.method === 'POST' && ++posts % 4 === 0) lose = 1
        return lossy.fetch(url, init)
      },
    }).handle,
  }
  const first = runConsumer(options)
  await expect.poll(() => first.state().handled).toBeGreaterThan(5)
  await first.stop()
  const second = runConsumer(options)
  await expect.poll(() => second.state().status).toBe('waiting')
  await second.stop()
  expect(crm.records('Email').map(({ name, body }) => `${name} ${body}`)).toHaveLength(30)
  expect(new Set(crm.records('Email').map(({ messageId }) => messageId)).size).toBe(30)
})
