import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type MessageContent, type OutboundMessage, parseContactAddress } from '@pipe-comms/core'
import { startTwilioSimulator, type TwilioSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TwilioOptions, twilioTransport } from '../index.ts'
import { MESSAGING_SERVICE_SID, OUR_NUMBER, THEIR_NUMBER } from '../testing/payloads.ts'

const WHATSAPP = '+12025550101'
const CONTENT_SID = `HX${'0'.repeat(32)}`
let twilio: TwilioSimulator
let bodies: URLSearchParams[]

beforeEach(async () => {
  bodies = []
  twilio = await startTwilioSimulator({
    numbers: [{ phoneNumber: OUR_NUMBER }, { phoneNumber: `whatsapp:${WHATSAPP}` }, { phoneNumber: '+12025550102', smsCapable: false }],
    services: [{ sid: MESSAGING_SERVICE_SID, numbers: [OUR_NUMBER] }],
    resolve: () => 'http://127.0.0.1:1/',
  })
})
afterEach(() => twilio.close())

const transport = (over: Partial<TwilioOptions> = {}) =>
  twilioTransport({
    accountSid: twilio.account.sid,
    authToken: twilio.account.authToken,
    publicUrl: 'https://comms.example.com',
    from: OUR_NUMBER,
    whatsappFrom: WHATSAPP,
    apiUrl: twilio.url,
    timeoutMs: 500,
    fetch: (url, init) => {
      if (typeof init?.body === 'string') bodies.push(new URLSearchParams(init.body))
      return fetch(url, init)
    },
    ...over,
  })
const message = (to: string, content: MessageContent = { text: 'Bonjour' }, over: Partial<OutboundMessage> = {}): OutboundMessage => ({
  messageId: 'm-1',
  to: parseContactAddress(to),
  content,
  ...over,
})
const send = (sent: OutboundMessage, over: Partial<TwilioOptions> = {}) =>
  transport(over).send(sent, { signal: new AbortController().signal })
const sentForm = () => Object.fromEntries([...new Set(bodies.at(-1)?.keys())].map((name) => [name, bodies.at(-1)?.getAll(name).join('\n')]))

describe('a message as Twilio gets it, through the real SDK', () => {
  const StatusCallback = 'https://comms.example.com/webhooks/twilio-sms/status?messageId=m-1#rc=3&rp=5xx,ct,rt'

  it('is an SMS, and its receipt is what Twilio answered', async () => {
    const receipt = await send(message(THEIR_NUMBER))
    expect(sentForm()).toEqual({ To: THEIR_NUMBER, From: OUR_NUMBER, Body: 'Bonjour', StatusCallback })
    expect(receipt).toEqual({
      providerMessageId: twilio.account.messages[0]?.sid,
      occurredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      extra: { status: 'queued', from: OUR_NUMBER, segments: 1 },
    })
  })

  it.each([
    [
      'MMS',
      message(THEIR_NUMBER, {
        media: [
          { kind: 'image', url: 'https://example.com/1.png', caption: 'Look' },
          { kind: 'image', url: 'https://example.com/2.png' },
        ],
      }),
      { MediaUrl: 'https://example.com/1.png\nhttps://example.com/2.png', Body: 'Look' },
    ],
    ['an answer to WhatsApp', message('whatsapp:+33639980001'), { To: 'whatsapp:+33639980001', From: `whatsapp:${WHATSAPP}` }],
    [
      'WhatsApp by option',
      message('+33639980001', { text: 'x' }, { options: { channel: 'whatsapp' } }),
      { To: 'whatsapp:+33639980001', From: `whatsapp:${WHATSAPP}` },
    ],
    [
      'a location',
      message('whatsapp:+33639980001', { location: { latitude: 48.8584, longitude: 2.2945, name: 'Tour Eiffel', address: 'Paris' } }),
      { PersistentAction: 'geo:48.8584,2.2945|Tour Eiffel, Paris' },
    ],
    [
      'a template',
      message('whatsapp:+33639980001', { template: { name: CONTENT_SID, variables: { 1: 'Camille' } } }),
      { ContentSid: CONTENT_SID, ContentVariables: '{"1":"Camille"}' },
    ],
    [
      'a template by option',
      message(THEIR_NUMBER, {}, { options: { contentSid: CONTENT_SID, contentVariables: { 1: 'x' } } }),
      { ContentSid: CONTENT_SID, ContentVariables: '{"1":"x"}' },
    ],
    [
      'validity',
      message(THEIR_NUMBER, { text: 'x' }, { options: { validityPeriod: 60, smartEncoded: true } }),
      { ValidityPeriod: '60', SmartEncoded: 'true' },
    ],
    [
      'a schedule',
      message(THEIR_NUMBER, { text: 'x' }, { options: { sendAt: '2026-12-01T10:00:00.500Z', messagingServiceSid: MESSAGING_SERVICE_SID } }),
      { SendAt: '2026-12-01T10:00:00Z', ScheduleType: 'fixed', MessagingServiceSid: MESSAGING_SERVICE_SID },
    ],
    [
      'another message id',
      message(THEIR_NUMBER, { text: 'x' }, { messageId: "it's (1) & /2#" }),
      { StatusCallback: StatusCallback.replace('m-1', 'it%27s%20%281%29%20%26%20%2F2%23') },
    ],
  ])('%s', async (_, sent, form) => {
    await send(sent)
    expect(sentForm()).toMatchObject(form)
  })

  it('goes through a Messaging Service where no number is set', async () => {
    const sending = transport({ from: undefined as never, messagingServiceSid: MESSAGING_SERVICE_SID })
    const { extra } = await sending.send(message(THEIR_NUMBER), { signal: new AbortController().signal })
    expect(sentForm()).toMatchObject({ MessagingServiceSid: MESSAGING_SERVICE_SID })
    expect(sentForm()).not.toHaveProperty('From')
    expect(extra).toEqual({ status: 'accepted', messagingServiceSid: MESSAGING_SERVICE_SID })
  })

  it('goes to WhatsApp by default where the transport says so', async () => {
    await send(message('+33639980001'), { channel: 'whatsapp' })
    expect(sentForm()).toMatchObject({ To: 'whatsapp:+33639980001' })
  })

  it('has no fragment where none is wanted', async () => {
    await send(message(THEIR_NUMBER), { connectionOverrides: '' })
    expect(sentForm().StatusCallback).toBe('https://comms.example.com/webhooks/twilio-sms/status?messageId=m-1')
  })
})

const url = 'https://files.example.com/devis.pdf'

describe('what Twilio cannot take is refused before it is called', () => {
  it.each([
    ['an e-mail address', message('a@example.com'), { failure: 'recipient' }],
    ['nothing', message(THEIR_NUMBER, {}), { failure: 'content' }],
    ['1601 characters', message(THEIR_NUMBER, { text: 'x'.repeat(1601) }), { failure: 'content' }],
    [
      'eleven files',
      message(THEIR_NUMBER, { media: Array.from({ length: 11 }, () => ({ kind: 'image' as const, url: 'https://example.com/1' })) }),
      { failure: 'content' },
    ],
    [
      'a file of ours',
      message(THEIR_NUMBER, { media: [{ kind: 'image', ref: 'a.png' }] }),
      { failure: 'content', message: expect.stringContaining('public URL') },
    ],
    ['a location by SMS', message(THEIR_NUMBER, { location: { latitude: 1, longitude: 1 } }), { failure: 'content' }],
    [
      'buttons',
      message(THEIR_NUMBER, { text: 'x', buttons: { items: [] } }),
      { failure: 'content', message: expect.stringContaining('got also buttons') },
    ],
    ...(
      [
        ['a text and a caption', { text: 'x', media: [{ kind: 'document', url, caption: 'y' }] }, 'a text and 1 caption'],
        ['two captions', { media: [1, 2].map(() => ({ kind: 'image', url, caption: 'y' })) }, 'got 2 captions'],
        ['a text beside a template', { text: 'x', template: { name: CONTENT_SID } }, 'nothing beside a content template'],
        ['a file beside a location', { media: [{ kind: 'image', url }], location: { latitude: 1, longitude: 1 } }, 'location'],
      ] satisfies [string, OutboundMessage['content'], string][]
    ).map(([name, content, reason]): [string, OutboundMessage, object] => [
      name,
      message('whatsapp:+33639980001', content),
      { failure: 'content', message: expect.stringContaining(reason) },
    ]),
    [
      'two files on WhatsApp',
      message('whatsapp:+33639980001', { media: [1, 2].map(() => ({ kind: 'image' as const, url })) }),
      { failure: 'content', message: expect.stringContaining('one file') },
    ],
    [
      'variables without a template',
      message(THEIR_NUMBER, { text: 'x' }, { options: { contentVariables: { 1: 'x' } } }),
      { failure: 'content', message: expect.stringContaining('contentVariables') },
    ],
    ['a template by name', message(THEIR_NUMBER, { template: { name: 'welcome' } }), { failure: 'content' }],
    ['an unknown option', message(THEIR_NUMBER, { text: 'x' }, { options: { priority: 1 } }), { failure: 'configuration' }],
  ])('%s', async (_, sent, details) => {
    await expect(send(sent)).rejects.toMatchObject({ code: 'send_rejected', ...details })
    expect(bodies).toEqual([])
  })

  it.each([
    [message('whatsapp:+33639980001'), { whatsappFrom: undefined as never }, 'nobody to send whatsapp from: set whatsappFrom'],
    [message(THEIR_NUMBER), { from: undefined as never }, 'nobody to send sms from: set from'],
    [message(THEIR_NUMBER, { text: 'x' }, { options: { sendAt: '2026-12-01T10:00:00Z' } }), {}, 'sendAt needs a Messaging Service'],
  ])('nobody to send it', async (sent, over, reason) => {
    await expect(send(sent, over)).rejects.toMatchObject({
      code: 'transport_misconfigured',
      message: `Twilio: ${reason}${reason.includes('set ') ? ' or messagingServiceSid' : ': set messagingServiceSid'}`,
    })
  })
})

describe('what the API answers', () => {
  it.each([
    ['+15005550001', { code: 'send_rejected', failure: 'recipient', providerCode: '21211' }],
    ['+15005550002', { code: 'send_rejected', failure: 'recipient', providerCode: '21612' }],
    ['+15005550003', { code: 'send_rejected', failure: 'configuration', providerCode: '21408' }],
    ['+15005550004', { code: 'send_rejected', failure: 'policy', providerCode: '21610', optedOut: true }],
    ['+15005550009', { code: 'send_rejected', failure: 'recipient', providerCode: '21614' }],
  ])('to %s', async (to, error) => {
    await expect(send(message(to))).rejects.toMatchObject(error)
  })

  it.each([
    ['+15005550001', { code: 'transport_misconfigured', providerCode: '21212' }],
    ['+15005550007', { code: 'transport_misconfigured', providerCode: '21606' }],
    ['+15005550008', { code: 'send_unavailable', providerCode: '21611' }],
    ['+12025550102', { code: 'transport_misconfigured', providerCode: '21606' }],
    ['+12025550199', { code: 'transport_misconfigured', providerCode: '21606' }],
  ])('from %s', async (from, error) => {
    await expect(send(message(THEIR_NUMBER), { from })).rejects.toMatchObject(error)
  })

  it.each([
    [
      { status: 429, code: 20429, message: 'Too Many Requests' },
      { code: 'send_unavailable', retryAfterMs: 1000 },
    ],
    [
      { status: 429, code: 20429, message: 'Too Many Requests', headers: { 'retry-after': '7' } },
      { code: 'send_unavailable', retryAfterMs: 7000 },
    ],
    [{ status: 401, code: 20003, message: 'Authenticate' }, { code: 'transport_misconfigured' }],
    [{ status: 404, code: 20404, message: 'Not found' }, { code: 'transport_misconfigured' }],
    [
      { status: 400, code: 99999, message: 'New' },
      { code: 'send_rejected', failure: 'content', message: 'Twilio: POST Messages answered 400, code 99999: New' },
    ],
    [{ status: 500, code: 20500, message: 'Internal' }, { code: 'send_uncertain' }],
    [{ status: 503, code: 20503, message: 'Busy' }, { code: 'send_uncertain' }],
    ['take-and-hang' as const, { code: 'send_uncertain', message: 'Twilio: POST Messages.json ended without an answer (TimeoutError)' }],
    ['take-and-reset' as const, { code: 'send_uncertain' }],
    ['reset' as const, { code: 'send_uncertain' }],
  ])('%j', async (fault, error) => {
    twilio.failNext(fault)
    await expect(send(message(THEIR_NUMBER))).rejects.toMatchObject(error)
    expect(bodies).toHaveLength(1)
  })

  it.each([
    ['a page that is no JSON', 502, '<html>'],
    ['an empty answer', 504, ''],
    ['a success that is no JSON', 201, '<html>'],
    ['a success without an id', 201, '{}'],
  ])('%s is uncertain', async (_, status, body) => {
    await expect(send(message(THEIR_NUMBER), { fetch: async () => new Response(body, { status }) })).rejects.toMatchObject({
      code: 'send_uncertain',
    })
  })

  it('is certainly not sent when nobody listens', async () => {
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
    const { port } = probe.address() as AddressInfo
    await new Promise((resolve) => probe.close(resolve))
    await expect(send(message(THEIR_NUMBER), { apiUrl: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
      code: 'send_unavailable',
      message: 'Twilio: POST Messages.json: cannot connect (ECONNREFUSED)',
    })
  })

  it('is uncertain when the caller stops it under way', async () => {
    twilio.failNext('take-and-hang')
    const stop = new AbortController()
    const sent = transport({ timeoutMs: 10_000 }).send(message(THEIR_NUMBER), { signal: stop.signal })
    const checked = expect(sent).rejects.toMatchObject({
      code: 'send_uncertain',
      message: 'Twilio: POST Messages.json ended without an answer (AbortError)',
    })
    while (twilio.account.messages.length === 0) await new Promise(setImmediate)
    stop.abort()
    await checked
  })
})

it('calls the region, the edge and the API key that are set, and reads no environment', async () => {
  process.env.TWILIO_REGION = 'au1'
  const seen: [string, string | null][] = []
  const fetchSeen: typeof fetch = async (url, init) => {
    seen.push([String(url), new Headers(init?.headers).get('authorization')])
    return Response.json({ sid: 'SM1' }, { status: 201 })
  }
  const real = { fetch: fetchSeen, apiUrl: undefined as never }
  try {
    await send(message(THEIR_NUMBER), real)
    await send(message(THEIR_NUMBER), { ...real, region: 'ie1', edge: 'dublin', apiKey: { sid: 'SK1', secret: 'key-secret' } })
  } finally {
    delete process.env.TWILIO_REGION
  }
  const path = `/2010-04-01/Accounts/${twilio.account.sid}/Messages.json`
  expect(seen).toEqual([
    [`https://api.twilio.com${path}`, `Basic ${btoa(`${twilio.account.sid}:${twilio.account.authToken}`)}`],
    [`https://api.dublin.ie1.twilio.com${path}`, `Basic ${btoa('SK1:key-secret')}`],
  ])
})
