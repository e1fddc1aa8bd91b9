import { createComms, memoryEventStore, type RecordedEvent } from '@pipe-comms/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { twilioTransport } from '../index.ts'
import { parse, parseBody } from '../testing/parse.ts'
import {
  ACCOUNT_SID,
  AUTH_TOKEN,
  type Form,
  incomingMms,
  incomingSms,
  incomingWhatsApp,
  PUBLIC_URL,
  sidOf,
  smsStatus,
} from '../testing/payloads.ts'
import { signedPost } from '../testing/requests.ts'

const INCOMING = '/webhooks/twilio-sms/incoming'
const sid = sidOf('SM', 1)

/** What the log holds after these webhooks, the signature of each being right, beside what core files to find a report by its message. */
async function recorded(...forms: Form[]): Promise<RecordedEvent[]> {
  const store = memoryEventStore()
  const transport = twilioTransport({ accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN, publicUrl: PUBLIC_URL })
  const comms = createComms({ store, transports: [transport] })
  for (const form of forms) expect((await comms.handle(signedPost(INCOMING, form))).status).toBe(200)
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) if (event.type !== 'report.filed') events.push(event)
  await comms.close()
  return events
}

const withoutNames = (form: Form, ...names: string[]): Form =>
  Object.fromEntries(Object.entries(form).filter(([name]) => !names.includes(name)))
/** What Twilio signs, without the URL. */
const signedText = (form: Form) =>
  Object.keys(form)
    .sort()
    .map((name) => name + form[name])
    .join('')

const message = incomingSms(1, { Body: 'Bonjour', OriginalRepliedMessageSid: sidOf('SM', 9) })
const failed = smsStatus(1, 'failed', { ErrorCode: '30003' })

describe('a form whose signature fits although it is cut elsewhere', () => {
  it.each<[string, Form, Form]>([
    ['the id swallows the next parameter', message, { ...withoutNames(message, 'NumMedia'), MessageSid: `${sid}NumMedia0` }],
    ['a name swallows its value', message, { ...withoutNames(message, 'Body'), BodyBon: 'jour' }],
    ['a name swallows a part of the id', message, { ...withoutNames(message, 'MessageSid'), MessageSidSM: sid.slice(2) }],
    ['a name swallows the count', message, { ...withoutNames(message, 'NumMedia'), NumMedia0: '' }],
    ['a name swallows a digit of the error', failed, { ...withoutNames(failed, 'ErrorCode'), ErrorCode3: '0003' }],
    ['the error swallows the sender', failed, { ...withoutNames(failed, 'ErrorCode', 'From'), ErrorCode: `30003From${failed.From}` }],
    [
      'the version swallows the text',
      message,
      { ...withoutNames(message, 'Body', 'ApiVersion'), ApiVersion: `${message.ApiVersion}BodyBonjour` },
    ],
    ['a name swallows a part of the status', failed, { ...withoutNames(failed, 'MessageStatus'), MessageStatusfai: 'led' }],
    [
      'the status swallows the next parameter',
      failed,
      { ...withoutNames(failed, 'MessageStatus', 'SmsSid'), MessageStatus: `failedSmsSid${sid}` },
    ],
  ])('is quarantined when %s', async (_, genuine, shifted) => {
    // The signature of one is the signature of the other: this is what makes them dangerous.
    expect(signedText(shifted)).toBe(signedText(genuine))
    const [first, ...more] = await recorded(genuine, shifted)
    expect(first?.type).toBe(genuine.MessageStatus === undefined ? 'message.received' : 'message.failed')
    expect(more.map(({ type }) => type)).toEqual(['webhook.quarantined'])
  })

  it('is quarantined when the version swallows the error', async () => {
    const shifted = { ...withoutNames(failed, 'ErrorCode'), ApiVersion: '2010-04-01ErrorCode30003' }
    expect(signedText(shifted)).toBe(signedText(failed))
    expect((await recorded(failed, shifted)).map(({ type }) => type)).toEqual(['message.failed', 'webhook.quarantined'])
  })

  it('is quarantined when the segments swallow an opt-out', () => {
    const { OptOutType, NumSegments, ...rest }: Form = { ...message, OptOutType: 'STOP' }
    expect(parse({ ...rest, NumSegments, OptOutType } as Form)).toMatchObject([{ type: 'message.received' }, { type: 'contact.opted_out' }])
    expect(() => parse({ ...rest, NumSegments: `${NumSegments}OptOutType${OptOutType}` })).toThrow('NumSegments: expected a value')
  })

  it('is quarantined when words of the message are cut off as a second sender', () => {
    const planted: Form = { ...message, Body: 'xFrom+12025550101' }
    const twice = new URLSearchParams({ ...planted, Body: 'x', From: '+12025550101' })
    twice.append('From', planted.From as string)
    expect(() => parseBody(twice.toString())).toThrow('From: expected one value, got several')
  })

  it('is quarantined when the words of the customer hold another id', () => {
    const other = sidOf('SM', 2)
    const planted = incomingSms(1, { Body: `x MessageSid${other} y` })
    expect(() => parse(planted)).toThrow('expected one MessageSid, got another inside a value')
    expect(parse(incomingSms(1, { Body: `my MessageSid is ${other}` }))[0]).toMatchObject({ type: 'message.received' })
  })

  it('never becomes another message, wherever one boundary is moved to', () => {
    const genuine = [message, incomingMms(2, ['image/png']), incomingWhatsApp(3), failed, smsStatus(4, 'sent')]
    const shift = fc.constantFrom(...genuine).chain((form) => {
      const names = Object.keys(form).sort()
      return fc.record({
        form: fc.constant(form),
        at: fc.nat(names.length - 2),
        by: fc.integer({ min: -40, max: 40 }),
        merge: fc.boolean(),
      })
    })
    fc.assert(
      fc.property(shift, ({ form, at, by, merge }) => {
        const names = Object.keys(form).sort()
        const [name, next] = [names[at] as string, names[at + 1] as string]
        const text = name + form[name]
        const rest = withoutNames(form, name, ...(merge ? [next] : []))
        const long = merge ? text + next + form[next] : text
        const cut = Math.max(1, Math.min(long.length, name.length + by))
        const shifted: Form = { ...rest, [long.slice(0, cut)]: long.slice(cut) }
        if (signedText(shifted) !== signedText(form)) return
        const keys = (of: Form) => parse(of).map(({ idempotencyKey }) => idempotencyKey)
        let found: string[] = []
        try {
          found = keys(shifted)
        } catch {
          return
        }
        const known = keys(form)
        for (const key of found) expect(known).toContain(key)
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('a form that is Twilio’s own', () => {
  it.each([
    'NewParameter',
    'MessageContext',
    'BodyLanguage',
    'ToCarrier',
    'Rcs.Agent',
    'Addresses[0]',
    'snake_case',
    'ParentMessageSid',
    'FromX',
  ])('is understood with a parameter that is not known yet: %s', (name) => {
    const form = incomingSms(1, { [name]: name.endsWith('Sid') ? sidOf('SM', 7) : 'x' })
    expect(parse(form)).toMatchObject([{ type: 'message.received', source: { raw: { [name]: form[name] } } }])
    expect(parse(smsStatus(1, 'delivered', { [name]: form[name] as string }))).toMatchObject([{ type: 'message.delivered' }])
  })

  it.each(['Body', 'NumMedia', 'NumSegments', 'To', 'SmsSid', 'SmsMessageSid', 'ApiVersion', 'SmsStatus'])(
    'is understood without %s',
    (name) => {
      const [fact] = parse(withoutNames(incomingSms(1), name))
      expect(fact).toMatchObject({ type: 'message.received', providerMessageId: sid })
    },
  )

  it('is understood with a parameter that comes twice', () => {
    const body = `${new URLSearchParams(incomingSms(1)).toString()}&MessagingBinding.Address=%2B1&MessagingBinding.Address=%2B2`
    expect(parseBody(body)).toMatchObject([{ type: 'message.received' }])
  })

  it.each([
    ['MessageSid', 'SM1', 'MessageSid: expected SM or MM'],
    ['MessageSid', sidOf('SM', 0xabc).toUpperCase(), 'MessageSid: expected SM or MM'],
    ['MessageSid', `${sid}0`, 'MessageSid: expected SM or MM'],
    ['AccountSid', 'AC1', 'AccountSid: expected AC'],
  ])('has ids of the right form: %s %s is quarantined', (name, value, reason) => {
    expect(() => parse(incomingSms(1, { [name]: value }))).toThrow(reason)
  })
})
