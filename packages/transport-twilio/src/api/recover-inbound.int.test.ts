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
