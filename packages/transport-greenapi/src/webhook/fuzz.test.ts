import { createComms, createEvent, isCommsError, memoryEventStore, systemClock, uuidSource, type WebhookReport } from '@pipe-comms/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { greenApiTransport } from '../index.ts'
import { mutatedBody } from '../testing/mutation.ts'
import { ID_INSTANCE, incomingText } from '../testing/notifications.ts'
import { parseNotification } from './parse.ts'

const runtime = { clock: systemClock, ids: uuidSource }
const textOf = (body: Uint8Array) => new TextDecoder().decode(body)
/** The body is kept as it is parsed, or as its text. */
const isWhole = (raw: unknown, body: Uint8Array) => raw === textOf(body) || JSON.stringify(raw) === JSON.stringify(JSON.parse(textOf(body)))

it('100,000 mutated notifications are facts that keep the schema and their raw body, or webhook_unparsable', { timeout: 120_000 }, () => {
  let understood = 0
  fc.assert(
    fc.property(mutatedBody, (body) => {
      try {
        const facts = parseNotification(body, { idInstance: String(ID_INSTANCE), via: 'webhook' })
        if (facts.length === 0) throw new Error('no facts and no error')
        for (const fact of facts) if (!isWhole(createEvent(fact, runtime).source?.raw, body)) throw new Error('another raw body')
        understood += 1
      } catch (error) {
        if (!isCommsError(error, 'webhook_unparsable')) throw error
      }
    }),
    { numRuns: 100_000 },
  )
  // Neither side of the property is empty.
  expect(understood).toBeGreaterThan(10_000)
  expect(understood).toBeLessThan(90_000)
})

const transport = greenApiTransport({ idInstance: ID_INSTANCE, webhookToken: 'webhook-token-for-tests' })
const post = (body: Uint8Array<ArrayBuffer>) =>
  new Request('https://comms.example.com/webhooks/greenapi', {
    method: 'POST',
    body,
    headers: { authorization: 'Bearer webhook-token-for-tests' },
  })
const good = new TextEncoder().encode(JSON.stringify(incomingText('GOOD', 'Bonjour')))

/** What became of one body after another, in a log of their own. */
async function reports(...bodies: Uint8Array<ArrayBuffer>[]): Promise<WebhookReport[]> {
  const reported: WebhookReport[] = []
  const comms = createComms({ store: memoryEventStore(), transports: [transport], onWebhook: (report) => reported.push(report) })
  for (const body of bodies) expect((await comms.handle(post(body))).status).toBe(200)
  await comms.close()
  return reported
}

function keepsRaw({ outcome, events }: WebhookReport, body: Uint8Array): boolean {
  const event = events[0]?.event
  if (outcome === 'recorded') return isWhole(event?.source?.raw, body)
  return event?.type === 'webhook.quarantined' && Buffer.from(event.data.body, event.data.bodyEncoding).equals(body)
}

it('2,000 mutated notifications are answered 200 and kept raw, and a good one after each is recorded', async () => {
  await fc.assert(
    fc.asyncProperty(mutatedBody, async (body) => {
      const [bad, next] = (await reports(body, good)) as [WebhookReport, WebhookReport]
      expect(keepsRaw(bad, body)).toBe(true)
      expect(next.outcome).toBe('recorded')
    }),
    { numRuns: 2_000 },
  )
})

it.each([
  [
    'an unknown field of a hundred thousand lists in each other',
    'recorded',
    (nest: string) => `{"novelty":${nest},"messageData":{"typeMessage":"textMessage"},`,
  ],
  ['an order of as many', 'quarantined', (nest: string) => `{"novelty":1,"messageData":{"typeMessage":"orderMessage","order":${nest}},`],
])('%s is %s and kept raw', async (_name, outcome, start) => {
  const { messageData: _, ...rest } = incomingText('DEEP', 'x')
  const body = new TextEncoder().encode(start('['.repeat(100_000) + ']'.repeat(100_000)) + JSON.stringify(rest).slice(1))
  const [deep, next] = await reports(body, good)
  expect(deep?.outcome).toBe(outcome)
  expect(deep && keepsRaw(deep, body)).toBe(true)
  expect(next?.outcome).toBe('recorded')
})
