import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { parseContactAddress } from '@pipe-comms/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { greenApiTransport } from '../index.ts'

const API_TOKEN = 'api-token-for-tests'
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void
let seen: { path: string; body: unknown }[]

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  seen.push({ path: request.url ?? '', body: JSON.parse(body) })
  answer(request, response, body)
})

beforeEach(async () => {
  seen = []
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const reply = (status: number, body: string) => {
  answer = (_request, response) => response.writeHead(status).end(body)
}
const transport = (apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`) =>
  greenApiTransport({ idInstance: 7105000001, apiToken: API_TOKEN, webhookToken: 'webhook-token-for-tests', apiUrl, timeoutMs: 300 })
const send = (to: string, text = 'Bonjour', over: object = {}) =>
  transport().send({ messageId: 'm-1', to: parseContactAddress(to), content: { text }, ...over }, { signal: new AbortController().signal })

describe('the answer to a send', () => {
  it.each([
    ['+33639980001', '33639980001@c.us'],
    ['33639980001@c.us', '33639980001@c.us'],
    ['100000000000001@lid', '100000000000001@lid'],
    ['120363000000000001@g.us', '120363000000000001@g.us'],
  ])('goes to %s as %s', async (to, chatId) => {
    reply(200, '{"idMessage":"BAE5"}')
    expect(await send(to, 'Bonjour', { replyToProviderMessageId: '3EB0' })).toEqual({ providerMessageId: 'BAE5' })
    expect(seen).toEqual([
      { path: `/waInstance7105000001/sendMessage/${API_TOKEN}`, body: { chatId, message: 'Bonjour', quotedMessageId: '3EB0' } },
    ])
  })

  it.each([
    [200, '{}', { code: 'send_uncertain' }],
    [400, '{"message":"instance in starting process try later"}', { code: 'send_unavailable', retryAfterMs: 60_000 }],
    [400, 'Instance account is expired', { code: 'transport_misconfigured' }],
    [
      400,
      '{"message":"Validation failed. Details: \'chatId\' is not allowed to be empty"}',
      { code: 'send_rejected', failure: 'recipient' },
    ],
    [400, '{"message":"\'message\' length must be less"}', { code: 'send_rejected', failure: 'content' }],
    [400, 'instance is starting or not authorized', { code: 'send_unavailable' }],
    [400, 'instance account not authorized', { code: 'transport_misconfigured' }],
    [400, '{"message":"Instance is deleted"}', { code: 'transport_misconfigured' }],
    [400, '{"message":"Validation failed. Details: \'foo\' is not allowed"}', { code: 'send_rejected', failure: 'content' }],
    [400, 'bad request data', { code: 'send_rejected', failure: 'content' }],
    [302, '', { code: 'transport_misconfigured' }],
    [401, '', { code: 'transport_misconfigured' }],
    [404, '<html>', { code: 'transport_misconfigured', message: 'Green-API: sendMessage answered 404' }],
    [413, '', { code: 'send_rejected', failure: 'content' }],
    [403, 'Your account is suspended', { code: 'transport_misconfigured' }],
    [429, '', { code: 'send_unavailable', retryAfterMs: 1000 }],
    [
      466,
      '{"invokeStatus":{"status":"QUOTE_ALLOWED"},"correspondentsStatus":{"status":"CORRESPONDENTS_QUOTE_EXCEEDED"}}',
      {
        code: 'send_rejected',
        failure: 'policy',
        message:
          'Green-API: sendMessage answered 466: CORRESPONDENTS_QUOTE_EXCEEDED, QUOTE_ALLOWED (until the 1st of the month, or a larger plan)',
      },
    ],
    [
      466,
      '{"invokeStatus":{"method":"sendmessage","status":"QUOTE_EXCEEDED"}}',
      { code: 'send_rejected', failure: 'policy', providerCode: '466' },
    ],
    [469, '', { code: 'send_unavailable', retryAfterMs: 7_200_000 }],
    [499, '', { code: 'send_uncertain' }],
    [500, '<html>', { code: 'send_uncertain' }],
    [503, 'no', { code: 'send_uncertain', message: 'Green-API: sendMessage answered 503: no' }],
  ])('%i %s', async (status, body, error) => {
    reply(status, body)
    await expect(send('+33639980001')).rejects.toMatchObject(error)
  })

  it.each(['abc/def+?#%-for-tests', 'plain-token-123456'])('never shows the token %s, however the answer spells it', async (token) => {
    const spellings = [token, encodeURIComponent(token), encodeURIComponent(token).toLowerCase(), Buffer.from(token).toString('base64')]
    for (const status of [400, 403, 466, 500]) {
      for (const text of [
        spellings.join(' '),
        JSON.stringify({ path: `/x/${token}`, message: `Validation failed at ${spellings.join(' ')}` }),
      ]) {
        reply(status, text)
        const { port } = server.address() as AddressInfo
        const sent = greenApiTransport({
          idInstance: 7105000001,
          apiToken: token,
          webhookToken: 'webhook-token-for-tests',
          apiUrl: `http://127.0.0.1:${port}`,
        }).send(
          { messageId: 'm-1', to: parseContactAddress('+33639980001'), content: { text: 'x' } },
          { signal: new AbortController().signal },
        )
        const error = await sent.catch((caught: unknown) => caught)
        for (const spelling of spellings) expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(spelling)
        expect(decodeURIComponent(seen.at(-1)?.path ?? '')).toContain(token)
      }
    }
  })

  it('is uncertain when the answer does not come in time, or the connection breaks', async () => {
    answer = () => {}
    await expect(send('+33639980001')).rejects.toMatchObject({ code: 'send_uncertain' })
    answer = (request) => request.socket.destroy()
    await expect(send('+33639980001')).rejects.toMatchObject({ code: 'send_uncertain' })
  })

  it('is certainly not sent when nobody listens', async () => {
    const closed = await freePort()
    const sent = transport(`http://127.0.0.1:${closed}`).send(
      { messageId: 'm-1', to: parseContactAddress('+33639980001'), content: { text: 'x' } },
      { signal: new AbortController().signal },
    )
    await expect(sent).rejects.toMatchObject({ code: 'send_unavailable', message: 'Green-API: sendMessage: cannot connect (ECONNREFUSED)' })
  })
})

describe('options', () => {
  it('lists every problem at once and no secret', () => {
    const wrong = () => greenApiTransport({ idInstance: 'abc', apiToken: '', apiUrl: 'ftp://example.com' })
    expect(wrong).toThrow(/idInstance: .*; apiToken: .*; apiUrl: /s)
  })

  it('refuses to start without a webhook token, unless told to', () => {
    expect(() => greenApiTransport({ idInstance: 1 })).toThrow('webhookToken: expected the webhookUrlToken')
    expect(greenApiTransport({ idInstance: 1, allowUnverifiedWebhooks: true }).account).toBe('1')
  })
})

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
