import { type EventFact, parseContactAddress } from '@pipe-comms/core'
import type { Outcome } from '@pipe-comms/simulators'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, connected, message, signal } from '../testing/connected.ts'
import { MESSAGING_SERVICE_SID, OUR_NUMBER, THEIR_NUMBER } from '../testing/payloads.ts'

afterEach(closeAll)

describe('status callbacks', () => {
  it('that come before the answer of create are of the message', async () => {
    const { twilio, transport, delivery } = await connected()
    twilio.behave({ statusBeforeAnswer: true })
    const { providerMessageId } = await transport.send(message, { signal })
    expect(await delivery('m-1')).toMatchObject({ status: 'delivered' })
    expect(await delivery(`twilio:${providerMessageId}`)).toEqual(await delivery('m-1'))
  })

  it('of a send without an answer tell that it was taken', async () => {
    const { twilio, transport, record, delivery } = await connected({ outcome: () => ({ status: 'sent' }) })
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
      const { twilio, transport, answerWith } = await connected({ outcome: () => ({ status: 'failed' }) }, { connectionOverrides })
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
      const { twilio, transport, delivery } = await connected(
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
