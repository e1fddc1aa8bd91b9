import type { OutboundMessage } from '@pipe-comms/core'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, connected, message, signal } from '../testing/connected.ts'
import { OUR_NUMBER, THEIR_NUMBER } from '../testing/payloads.ts'

afterEach(closeAll)

describe('reconcile', () => {
  const HOUR = 3_600_000
  const attempt = async ({ transport }: Awaited<ReturnType<typeof connected>>, sent: OutboundMessage = message) => {
    const attemptedAt = new Date().toISOString()
    await transport.send(sent, { signal }).catch(() => undefined)
    return (later: Partial<OutboundMessage> = {}, others: ReadonlySet<string> = new Set()) =>
      transport.reconciler.reconcile({ ...sent, ...later }, { attemptedAt, others, signal })
  }

  it('finds a message that was taken, also while it waits and has no DateSent', async () => {
    const at = await connected({ outcome: () => ({ status: 'delivered' }), stepMs: 600_000 })
    at.twilio.failNext('take-and-reset')
    const reconcile = await attempt(at)
    const [taken] = at.twilio.account.messages
    expect(taken?.sentAt).toBeNull()
    expect(await reconcile()).toMatchObject({ providerMessageId: taken?.sid, extra: { status: 'queued' } })
  })

  it('does not know of a message that an earlier release sent and this one refuses', async () => {
    const at = await connected({}, { now: () => Date.now() + HOUR })
    const media = [{ kind: 'image' as const, url: 'https://example.com/1.png', caption: 'y' }]
    expect(await (await attempt(at))({ content: { text: 'x', media } })).toBe('unknown')
  })

  it('is sure that nothing was sent only when Twilio had the time to say so', async () => {
    const at = await connected()
    at.twilio.failNext('reset')
    expect(await (await attempt(at))()).toBe('unknown')
    const later = await connected({}, { now: () => Date.now() + HOUR })
    later.twilio.failNext('reset')
    expect(await (await attempt(later))()).toBe('not-sent')
  })

  it('is not sure that nothing was sent because a clock was set forward: the time that has passed counts', async () => {
    const at = await connected({}, { now: () => Date.now() + HOUR })
    at.twilio.failNext('reset')
    await at.transport.send(message, { signal }).catch(() => undefined)
    const attemptedAt = new Date().toISOString()
    const after = (elapsedMs: number) => at.transport.reconciler.reconcile(message, { attemptedAt, elapsedMs, signal })
    expect(await after(60_000)).toBe('unknown')
    expect(await after(180_000)).toBe('not-sent')
  })

  it.each([
    ['other words', { content: { text: 'Bonsoir' } }, 'not-sent'],
    ['another sender', { options: { from: '+12025550111' } }, 'not-sent'],
    ['a picture as well', { content: { text: 'Bonjour', media: [{ kind: 'image', url: 'https://example.com/1.png' }] } }, 'not-sent'],
    ['words that Twilio rewrites', { options: { smartEncoded: true } }, 'unknown'],
    ['the same words in other spaces', { content: { text: ' Bonjour\n' } }, { providerMessageId: expect.any(String) }],
  ] as const)('compares: %s', async (_, sent, answer) => {
    const at = await connected({}, { now: () => Date.now() + HOUR })
    const reconcile = await attempt(at)
    expect(await reconcile(sent as Partial<OutboundMessage>)).toEqual(typeof answer === 'string' ? answer : expect.objectContaining(answer))
  })

  it('does not guess between two that are alike', async () => {
    const at = await connected({}, { now: () => Date.now() + HOUR })
    const reconcile = await attempt(at)
    const { providerMessageId } = await at.transport.send(message, { signal })
    expect(await reconcile()).toBe('unknown')
    const [first] = at.twilio.account.messages
    expect(await reconcile({}, new Set([providerMessageId]))).toMatchObject({ providerMessageId: first?.sid })
    expect(await reconcile({}, new Set([providerMessageId, first?.sid as string]))).toBe('not-sent')
  })

  it.each([-60_000, 300_000])(
    'does not call it unsent when one alike was made %i ms from the attempt: clocks may be wrong',
    async (apartMs) => {
      const { transport } = await connected({}, { now: () => Date.now() + HOUR })
      await transport.send(message, { signal })
      const attemptedAt = new Date(Date.now() - apartMs).toISOString()
      expect(await transport.reconciler.reconcile(message, { attemptedAt, signal })).toBe('unknown')
    },
  )

  it('takes no message of another time, and none of theirs', async () => {
    const { twilio, transport } = await connected({}, { now: () => Date.now() + 3 * HOUR })
    const answered = (sent: OutboundMessage, at: number) =>
      transport.reconciler.reconcile(sent, { attemptedAt: new Date(at).toISOString(), signal })
    await transport.send(message, { signal })
    expect(await answered(message, Date.now() - HOUR)).toBe('not-sent')
    expect(await answered(message, Date.now() + HOUR)).toBe('not-sent')
    await twilio.receive({ from: OUR_NUMBER, to: THEIR_NUMBER, body: 'Bonsoir' })
    expect(await answered({ ...message, content: { text: 'Bonsoir' } }, Date.now())).toBe('not-sent')
  })
})
