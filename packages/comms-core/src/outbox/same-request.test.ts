import { beforeEach, describe, expect, it } from 'vitest'
import type { SendRequest } from './send.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

let world: OutboxWorld
const pigeon = new PigeonPost().transport
const second = new PigeonPost({ id: 'second-pigeon' }).transport
const raven = new PigeonPost({ id: 'raven', channel: 'raven' }).transport

const first: Partial<SendRequest> = {
  idempotencyKey: 'order-7',
  content: { text: 'Ready', media: [{ kind: 'image', url: 'https://example.com/1.png' }] },
  fallback: [{ channel: 'raven', to: '+33639980001', afterMs: 60_000 }],
  options: { color: 'blue', size: 2 },
}
beforeEach(() => {
  world = new OutboxWorld([pigeon, second, raven])
})

describe('a request under a key that was used before', () => {
  it.each<[string, Partial<SendRequest>]>([
    ['the same', {}],
    ['the number in another spelling', { to: '+33 (0)6 39 98 00 01' }],
    ['the names in another order', { content: { media: [{ url: 'https://example.com/1.png', kind: 'image' }], text: 'Ready' } }],
    ['options in another order', { options: { size: 2, color: 'blue' } }],
    ['what is left out written as undefined', { replyTo: undefined, content: { ...first.content, place: undefined } } as never],
    ['the default written out', { onUncertain: 'report' }],
    ['other times', { expiresAt: '2026-01-06T12:00:00.000Z', notBefore: '2026-01-06T11:00:00.000Z' }],
    ['the fallback number in another spelling', { fallback: [{ channel: 'raven', to: '+33 6 39 98 00 01', afterMs: 60_000 }] }],
  ])('is the first message when it is %s', async (_, over) => {
    const { messageId } = await world.request(first)
    expect(await world.request({ ...first, ...over })).toMatchObject({ messageId, repeated: true })
    expect(await world.log()).toHaveLength(1)
  })

  it('is the first message when another transport has become the default meanwhile', async () => {
    const { messageId } = await world.request(first)
    expect(await world.request(first, [second, raven, pigeon])).toMatchObject({ messageId, repeated: true })
  })

  it.each<[string, Partial<SendRequest>]>([
    ['recipient', { to: '+33639980002' }],
    ['content', { content: { text: 'Late' } }],
    ['content', { content: { text: 'Ready' } }],
    ['channel', { channel: 'raven' }],
    ['transport', { transport: 'second-pigeon' }],
    ['replyTo', { replyTo: 'pigeon:1' }],
    ['options', { options: { color: 'red', size: 2 } }],
    ['options', { options: undefined } as never],
    ['onUncertain', { onUncertain: 'resend' }],
    ['fallback', { fallback: [] }],
    ['fallback', { fallback: [{ channel: 'raven', to: '+33639980002', afterMs: 60_000 }] }],
    ['fallback', { fallback: [{ channel: 'raven', to: '+33639980001' }] }],
    ['recipient, content', { to: '+33639980002', content: { text: 'Late' } }],
  ])('is refused with another %s (case %#)', async (differs, over) => {
    await world.request(first)
    const refused = world.request({ ...first, ...over })
    await expect(refused).rejects.toMatchObject({ code: 'request_conflict', message: expect.stringContaining(`the same ${differs}, got`) })
    await expect(refused).rejects.not.toThrow(/Ready|Late|3363998/)
    expect(await world.log()).toHaveLength(1)
  })

  it('is refused too when both are made at the same moment', async () => {
    const results = await Promise.allSettled([world.request(first), world.request({ ...first, content: { text: 'Late' } })])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(results).toContainEqual(expect.objectContaining({ reason: expect.objectContaining({ code: 'request_conflict' }) }))
  })
})
