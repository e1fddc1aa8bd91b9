import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { signTwilioRequest, startTwilioSimulator, type TwilioSimulator, type TwilioSimulatorOptions } from '../index.ts'

const OURS = '+12025550100'
const THEIRS = '+12025550142'
const LONG = 'x'.repeat(1601)
let twilio: TwilioSimulator
let started: TwilioSimulator[]
let calls: { path: string; headers: IncomingMessage['headers']; form: Record<string, string> }[]
let answer: (response: ServerResponse, path: string) => void

/** The server whose webhooks are called. */
const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  calls.push({ path: request.url ?? '', headers: request.headers, form: Object.fromEntries(new URLSearchParams(body)) })
  answer(response, request.url ?? '')
})
const serverUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

beforeEach(async () => {
  calls = []
  started = []
  answer = (response) => response.writeHead(200).end()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const simulator of started) await simulator.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const start = async (options: TwilioSimulatorOptions = {}) => {
  twilio = await startTwilioSimulator(options)
  started.push(twilio)
  return twilio
}
const api = async (path: string, form?: Record<string, string>, token = twilio.account.authToken) => {
  const response = await fetch(`${twilio.url}/2010-04-01/Accounts/${twilio.account.sid}/${path}`, {
    ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    headers: { authorization: `Basic ${btoa(`${twilio.account.sid}:${token}`)}` },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & { messages: { sid: string }[] } }
}
const create = (over: Record<string, string> = {}) => api('Messages.json', { To: THEIRS, From: OURS, Body: 'Hello', ...over })
const callback = (query = '') => `${serverUrl()}/status${query}`

it('signs as the published vector says', () => {
  const form = { CallSid: 'CA1234567890ABCDE', Caller: '+12025550142', Digits: '1234', From: '+12025550142', To: '+12025550100' }
  const url = 'https://mycompany.example.com/myapp.php?foo=1&bar=2'
  expect(signTwilioRequest('12345', url, form)).toBe('SA5PpDqyTxc3l3fCt7rigzCWuM4=')
  expect(signTwilioRequest('12345', `${url}#rc=2`, form)).toBe('SA5PpDqyTxc3l3fCt7rigzCWuM4=')
})

describe('the Messages API', () => {
  it('creates, fetches and lists, the newest first', async () => {
    await start()
    const { status, body } = await create()
    expect(status).toBe(201)
    expect(body).toMatchObject({
      status: 'queued',
      direction: 'outbound-api',
      num_segments: '1',
      from: OURS,
      to: THEIRS,
      date_sent: null,
      error_code: null,
    })
    expect(body.date_created).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/)
    await twilio.settled()
    expect((await api(`Messages/${body.sid}.json`)).body).toMatchObject({ sid: body.sid, status: 'delivered' })
    const second = (await create({ Body: 'Second' })).body
    expect((await api(`Messages.json?To=${encodeURIComponent(THEIRS)}`)).body.messages.map(({ sid }) => sid)).toEqual([
      second.sid,
      body.sid,
    ])
    expect((await api(`Messages.json?To=${encodeURIComponent(OURS)}`)).body.messages).toEqual([])
  })

  it('lists in pages, and by the day', async () => {
    let now = Date.parse('2026-11-20T23:59:00Z')
    await start({ now: () => now })
    for (let index = 0; index < 3; index += 1) {
      await create({ Body: String(index) })
      await twilio.settled()
      now += 60_000
    }
    const first = (await api('Messages.json?PageSize=2')).body
    expect(first.messages).toHaveLength(2)
    expect((await api(String(first.next_page_uri).split(`${twilio.account.sid}/`)[1] as string)).body).toMatchObject({
      messages: [{ body: '0' }],
      next_page_uri: null,
    })
    const on = async (filter: string) => (await api(`Messages.json?${filter}`)).body.messages.length
    expect(await Promise.all([on('DateSent=2026-11-20'), on('DateSent%3E=2026-11-21T00:00:00Z'), on('DateSent%3C=2026-11-20')])).toEqual([
      1, 2, 1,
    ])
  })

  it('of what is not sent yet says so, and lists it under no day', async () => {
    await start({ stepMs: 60_000 })
    await create()
    expect((await api('Messages.json')).body.messages).toHaveLength(1)
    expect((await api('Messages.json?DateSent%3E=2000-01-01')).body.messages).toHaveLength(0)
  })

  it.each([
    [21604, { To: '' }],
    [21211, { To: 'nobody' }],
    [21614, { To: '+15005550009' }],
    [21603, { From: '' }],
    [21606, { From: '+12025550199' }],
    [21611, { From: '+15005550008' }],
    [63007, { From: 'whatsapp:+12025550199' }],
    [21705, { MessagingServiceSid: 'MG1' }],
    [21619, { Body: '' }],
    [21617, { Body: LONG }],
    [21620, { MediaUrl: 'nowhere' }],
    [21609, { StatusCallback: 'https://my_host.example.com/' }],
    [35118, { SendAt: '2026-12-01T10:00:00Z' }],
  ])('refuses with %i', async (code, over) => {
    await start()
    expect(await create(over as Record<string, string>)).toMatchObject({
      status: 400,
      body: { code, more_info: `https://www.twilio.com/docs/errors/${code}` },
    })
    expect(twilio.account.messages).toEqual([])
  })

  it('asks for the token, and knows its own account only', async () => {
    await start()
    expect(await api('Messages.json', undefined, 'wrong')).toMatchObject({ status: 401, body: { code: 20003 } })
    expect(await api('Messages/SM0.json')).toMatchObject({ status: 404, body: { code: 20404 } })
  })

  it('fails in turn as it is told', async () => {
    await start()
    twilio.failNext({ status: 429, code: 20429, message: 'Too Many Requests', headers: { 'retry-after': '1' } }, 'take-and-reset')
    expect(await create()).toMatchObject({ status: 429, body: { code: 20429 } })
    await expect(create()).rejects.toThrow('fetch failed')
    expect(await create()).toMatchObject({ status: 201 })
    expect(twilio.account.messages).toHaveLength(2)
  })
})

describe('status callbacks', () => {
  const statuses = () => calls.map(({ form }) => form.MessageStatus)

  it('come signed, in order, and never for the first status', async () => {
    await start()
    await create({ StatusCallback: callback('?messageId=m-1#rc=1') })
    await twilio.settled()
    expect(statuses()).toEqual(['sending', 'sent', 'delivered'])
    const [{ path, headers, form }] = calls as [(typeof calls)[0]]
    expect(path).toBe('/status?messageId=m-1')
    expect(headers['x-twilio-signature']).toBe(signTwilioRequest(twilio.account.authToken, callback('?messageId=m-1'), form))
    expect(headers['user-agent']).toBe('TwilioProxy/1.1')
    expect(calls.at(-1)?.form.RawDlrDoneDate).toMatch(/^\d{10}$/)
  })

  it('may come before the answer, out of order, and twice with one token', async () => {
    await start({ outcome: () => ({ status: 'undelivered', errorCode: 30003 }) })
    twilio.behave({ statusBeforeAnswer: true, order: (given) => given.toReversed(), times: 2 })
    await create({ StatusCallback: callback() })
    expect(statuses()).toEqual(['undelivered', 'undelivered', 'sent', 'sent', 'sending', 'sending'])
    expect(calls[0]?.form.ErrorCode).toBe('30003')
    const tokens = calls.map(({ headers }) => headers['i-twilio-idempotency-token'])
    expect([tokens[0] === tokens[1], tokens[1] === tokens[2]]).toEqual([true, false])
  })

  it.each([
    ['', 500, [500]],
    ['#rc=2', 500, [500]],
    ['#rc=2&rp=5xx', 503, [503, 503, 503]],
    ['#rc=2&rp=5xx', 404, [404]],
    ['#rc=1&rp=all', 404, [404, 404]],
  ])('with the fragment %j are repeated after %i as it says', async (fragment, status, tries) => {
    await start({ outcome: () => ({ status: 'failed' }) })
    answer = (response) => response.writeHead(status).end()
    await create({ StatusCallback: callback(fragment) })
    await twilio.settled()
    expect(twilio.deliveries.map((delivery) => delivery.tries)).toEqual([tries])
  })

  it('are tried once more when nobody listens, and time out as they are told', async () => {
    await start({ outcome: () => ({ status: 'failed' }) })
    await create({ StatusCallback: 'http://127.0.0.1:1/' })
    answer = () => {}
    await create({ StatusCallback: callback('#rt=100') })
    await twilio.settled()
    expect(twilio.deliveries.map(({ tries }) => tries)).toEqual([['connection', 'connection'], ['timeout']])
  })
})

describe('a customer', () => {
  it('writes, and a message whose webhook fails is in the list all the same', async () => {
    await start({ numbers: [{ phoneNumber: OURS, smsUrl: `${serverUrl()}/incoming`, smsFallbackUrl: `${serverUrl()}/fallback` }] })
    answer = (response, path) => response.writeHead(path === '/incoming' ? 500 : 200).end()
    const { sid } = await twilio.receive({
      from: THEIRS,
      body: 'Bonjour',
      media: [{ contentType: 'image/png', bytes: new Uint8Array([1, 2]) }],
    })
    expect(calls.map(({ path }) => path)).toEqual(['/incoming', '/fallback'])
    expect(calls[0]?.form).toMatchObject({
      MessageSid: sid,
      SmsStatus: 'received',
      Body: 'Bonjour',
      NumMedia: '1',
      MediaContentType0: 'image/png',
    })
    expect((await api('Messages.json')).body.messages[0]).toMatchObject({ sid, direction: 'inbound', num_media: '1' })
    const media = await fetch(String(calls[0]?.form.MediaUrl0))
    expect(media.status).toBe(401)
    const redirect = await fetch(String(calls[0]?.form.MediaUrl0), {
      redirect: 'manual',
      headers: { authorization: `Basic ${btoa(`${twilio.account.sid}:${twilio.account.authToken}`)}` },
    })
    expect(redirect.status).toBe(307)
    const file = twilio.url + redirect.headers.get('location')
    expect(new Uint8Array(await (await fetch(file)).arrayBuffer())).toEqual(new Uint8Array([1, 2]))
    expect((await fetch(file, { headers: { authorization: 'Basic x' } })).status).toBe(400)
  })

  it('who writes STOP is sent nothing until START', async () => {
    await start()
    await twilio.receive({ from: THEIRS, body: 'Stop' })
    expect(await create()).toMatchObject({ status: 400, body: { code: 21610 } })
    await twilio.receive({ from: THEIRS, body: 'START' })
    expect(await create()).toMatchObject({ status: 201 })
  })

  it('of a Messaging Service writes to the webhook of the service', async () => {
    await start({
      numbers: [{ phoneNumber: OURS, smsUrl: `${serverUrl()}/number` }],
      services: [{ sid: 'MG1', numbers: [OURS], useInboundWebhookOnNumber: false, inboundRequestUrl: `${serverUrl()}/service` }],
    })
    const response = await fetch(`${twilio.url}/simulator/incoming`, {
      method: 'POST',
      body: new URLSearchParams({ From: THEIRS, Body: 'Hi', OptOutType: 'HELP' }),
    })
    expect(await response.json()).toMatchObject({ webhook: [200] })
    expect(calls).toMatchObject([{ path: '/service', form: { MessagingServiceSid: 'MG1', OptOutType: 'HELP' } }])
  })
})
