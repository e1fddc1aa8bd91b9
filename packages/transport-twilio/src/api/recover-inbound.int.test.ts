import { parseContactAddress } from '@pipe-comms/core'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, collect, connected, message, signal } from '../testing/connected.ts'
import { OUR_NUMBER, THEIR_NUMBER } from '../testing/payloads.ts'

afterEach(closeAll)

describe('recoverInbound', () => {
  const AT = Date.parse('2026-11-20T23:30:00Z')

  it('records what no webhook told, and nothing twice', async () => {
    let now = AT
    const { store, twilio, transport, record, answerWith } = await connected({ now: () => now })
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
    const { twilio, transport } = await connected({ numbers: [{ phoneNumber: OUR_NUMBER }] })
    for (let index = 0; index < 1_005; index += 1) await twilio.receive({ from: THEIR_NUMBER, body: `n${index}` })
    await twilio.receive({ from: THEIR_NUMBER, to: '+12025550103', body: 'other' })
    const texts = async (to?: string[]) =>
      (await collect(transport.recoverInbound({ since: new Date(0), ...(to ? { to } : {}) }))).map(
        ({ data }) => (data as { text: string }).text,
      )
    expect(new Set(await texts()).size).toBe(1_006)
    expect(await texts(['+12025550103'])).toEqual(['other'])
  })

  it.each<[string, object, string?]>([
    ['a sender that is blank', { from: ' ' }],
    ['no sender', { from: null }],
    ['no id', { sid: '' }],
    ['no recipient', { to: null }, 'odd one'],
    ['a sender of no known form', { from: 'a b/c: ?' }, 'odd one'],
  ])('goes on behind a message with %s, at every call', async (_, odd, becomes = 'webhook.quarantined') => {
    const { twilio, transport, record, answerWith } = await connected({ numbers: [{ phoneNumber: OUR_NUMBER }] })
    answerWith(500)
    await twilio.receive({ from: '+33639980001', body: 'newest but one' })
    const message = await twilio.receive({ from: '+33639980002', body: 'odd one' })
    await twilio.receive({ from: '+33639980003', body: 'newest' })
    Object.assign(message, odd)
    for (const added of [3, 0]) {
      const facts = await collect(transport.recoverInbound({ since: new Date(0) }))
      expect(facts.map(({ type, data }) => (type === 'message.received' && (data as { text: string }).text) || type)).toEqual([
        'newest',
        becomes,
        'newest but one',
      ])
      expect(await record(facts)).toBe(added)
    }
  })

  it('sets a message aside with its reason and all that Twilio says of it, to be parsed again', async () => {
    const { twilio, transport } = await connected({ numbers: [{ phoneNumber: OUR_NUMBER }] })
    Object.assign(await twilio.receive({ from: THEIR_NUMBER, body: 'Bonjour' }), { from: ' ' })
    const [fact] = await collect(transport.recoverInbound({ since: new Date(0) }))
    expect(fact).toMatchObject({
      type: 'webhook.quarantined',
      source: { via: 'api' },
      data: {
        reason: 'recovered: Twilio: expected From, got none',
        path: '/webhooks/twilio-sms/incoming',
        body: expect.stringContaining('Body=Bonjour'),
      },
    })
  })

  it('keeps a message whose files are gone, and goes on', async () => {
    const fault = (call: { path: string }) =>
      call.path.endsWith('/Media.json') ? { status: 404, code: 20404, message: 'The requested resource was not found' } : undefined
    const { twilio, transport } = await connected({ numbers: [{ phoneNumber: OUR_NUMBER }], fault })
    await twilio.receive({ from: THEIR_NUMBER, body: 'older' })
    await twilio.receive({ from: THEIR_NUMBER, media: [{ contentType: 'image/png', bytes: new Uint8Array([1]) }] })
    const list = transport.recoverInbound({ since: new Date(0) })[Symbol.asyncIterator]()
    expect((await list.next()).value).toMatchObject({ data: { media: [{ unavailable: expect.stringContaining('MediaUrl0') }] } })
    expect((await list.next()).value).toMatchObject({ data: { text: 'older' } })
    expect((await list.next()).done).toBe(true)
  })

  it('goes on behind a message whose files cannot be listed now, and fails at the end', async () => {
    let stuckAt = 'none'
    const fault = (call: { path: string }) =>
      call.path.includes(`${stuckAt}/Media`) ? { status: 500, code: 20500, message: 'Internal' } : undefined
    const { twilio, transport } = await connected({ numbers: [{ phoneNumber: OUR_NUMBER }], fault })
    const media = [{ contentType: 'image/png', bytes: new Uint8Array([1]) }]
    for (const body of ['1', '2']) await twilio.receive({ from: THEIR_NUMBER, body })
    stuckAt = (await twilio.receive({ from: THEIR_NUMBER, body: '3', media })).sid
    await twilio.receive({ from: THEIR_NUMBER, body: '4', media })
    const texts: unknown[] = []
    const reading = async () => {
      for await (const { data } of transport.recoverInbound({ since: new Date(0) })) texts.push((data as { text: string }).text)
    }
    await expect(reading()).rejects.toMatchObject({ code: 'send_unavailable' })
    expect(texts).toEqual(['4', '2', '1'])
  })

  it('fails with a code', async () => {
    const { twilio, transport } = await connected()
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
