import { getEventListeners } from 'node:events'
import { startTwilioSimulator, type TwilioSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fetchTwilioMedia, type TwilioMediaOptions } from '../index.ts'
import { mediaUrl, sidOf, THEIR_NUMBER } from '../testing/payloads.ts'

const MEDIA = mediaUrl(sidOf('MM', 1), 0)
const BYTES = new Uint8Array(100_000).fill(7)
let twilio: TwilioSimulator
let calls: [string, boolean][]

beforeEach(async () => {
  calls = []
  twilio = await startTwilioSimulator()
})
afterEach(() => twilio.close())

const recording: typeof fetch = (url, init) => {
  calls.push([new URL(String(url)).pathname.split('/')[1] as string, new Headers(init?.headers).has('authorization')])
  return fetch(url, init)
}
const options = (over: Partial<TwilioMediaOptions> = {}): TwilioMediaOptions => ({
  accountSid: twilio.account.sid,
  authToken: twilio.account.authToken,
  extraHosts: [new URL(twilio.url).host],
  fetch: recording,
  ...over,
})
const received = async (contentType = 'image/jpeg') => {
  const { sid, media } = await twilio.receive({ from: THEIR_NUMBER, media: [{ contentType, bytes: BYTES }] })
  return `${twilio.url}/2010-04-01/Accounts/${twilio.account.sid}/Messages/${sid}/Media/${media[0]?.sid}`
}
const bytesOf = async (stream: ReadableStream<Uint8Array>) =>
  new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer())

describe('a file of a message', () => {
  it('comes whole, through the redirect', async () => {
    const { stream, mimeType, sizeBytes } = await fetchTwilioMedia(await received(), options({ fetch: elsewhere }))
    expect([mimeType, sizeBytes ?? BYTES.length]).toEqual(['image/jpeg', BYTES.length])
    expect(await bytesOf(stream)).toEqual(BYTES)
    expect(calls).toEqual([
      ['2010-04-01', true],
      ['cdn', false],
    ])
  })

  it('over the limit is refused, whether its size is told or not', async () => {
    const untold: typeof fetch = async () => new Response(new Blob([BYTES]).stream(), { headers: { 'content-type': 'image/png' } })
    const { stream, sizeBytes } = await fetchTwilioMedia(MEDIA, options({ maxBytes: 99_999, fetch: untold }))
    expect(sizeBytes).toBeUndefined()
    await expect(bytesOf(stream)).rejects.toMatchObject({ code: 'media_refused' })
    const told: typeof fetch = async () => new Response(BYTES, { headers: { 'content-type': 'image/png', 'content-length': '100000' } })
    await expect(fetchTwilioMedia(MEDIA, options({ maxBytes: 99_999, fetch: told }))).rejects.toThrow(
      'expected at most 99999 bytes, got 100000',
    )
    await expect(
      fetchTwilioMedia(MEDIA, options({ maxBytes: 100_000, fetch: told })).then((media) => bytesOf(media.stream)),
    ).resolves.toEqual(BYTES)
  })

  it.each(['text/html', 'image/svg+xml', 'application/x-sh', ''])('of type %j is refused', async (type) => {
    const answer: typeof fetch = async () => new Response(BYTES, { headers: { 'content-type': type } })
    await expect(fetchTwilioMedia(MEDIA, options({ fetch: answer }))).rejects.toMatchObject({ code: 'media_refused' })
  })

  it.each([
    'audio/ogg',
    'text/vcard; charset=utf-8',
    'application/pdf',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  ])('of type %j is taken', async (type) => {
    const answer: typeof fetch = async () => new Response(BYTES, { headers: { 'content-type': type } })
    expect((await fetchTwilioMedia(MEDIA, options({ fetch: answer }))).mimeType).toBe(type.split(';')[0])
  })

  it('leaves no timer and no listener behind, whether it is read, cancelled, over the limit or refused', async () => {
    const { signal } = new AbortController()
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const answer =
      (type: string): typeof fetch =>
      async () =>
        new Response(new Blob([BYTES]).stream(), { headers: { 'content-type': type } })
    const before = timers()
    const open = (over: Partial<TwilioMediaOptions> = {}) =>
      fetchTwilioMedia(MEDIA, options({ signal, fetch: answer('image/png'), ...over }))
    const ways = [
      async () => bytesOf((await open()).stream),
      async () => (await open()).stream.cancel(),
      async () => bytesOf((await open({ maxBytes: 10 })).stream).catch(() => {}),
      async () => open({ fetch: answer('text/html') }).catch(() => {}),
    ]
    for (const way of ways) {
      await way()
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
      expect(timers()).toBeLessThanOrEqual(before)
    }
  })

  it('fails when its time is over in the middle', async () => {
    const slow: typeof fetch = async (_, init) => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(BYTES)
          init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason))
        },
      })
      return new Response(body, { headers: { 'content-type': 'image/png' } })
    }
    const { stream } = await fetchTwilioMedia(MEDIA, options({ fetch: slow, timeoutMs: 50 }))
    await expect(bytesOf(stream)).rejects.toThrow('time limit')
  })

  it('that is gone, or asks for other credentials, has a code', async () => {
    await expect(fetchTwilioMedia(`${await received()}x`, options({ fetch: elsewhere }))).rejects.toMatchObject({
      code: 'media_unavailable',
    })
    const denied = fetchTwilioMedia(await received(), options({ authToken: 'wrong-token' }))
    await expect(denied).rejects.toMatchObject({ code: 'transport_misconfigured', message: expect.not.stringContaining('wrong-token') })
    twilio.failNext('reset')
    await expect(fetchTwilioMedia(await received(), options())).rejects.toMatchObject({ code: 'media_unavailable' })
  })
})

/** The files are on another host than the API, as Twilio's are. */
const elsewhere: typeof fetch = async (url, init) => {
  const target = new URL(String(url))
  const answer = await recording(target.hostname === 'media.twiliocdn.com' ? twilio.url + target.pathname + target.search : target, init)
  const location = answer.headers.get('location')
  return location === null
    ? answer
    : new Response(null, { status: answer.status, headers: { location: `https://media.twiliocdn.com${location}` } })
}

describe('a URL', () => {
  it.each([
    'https://api.example.com/Media/ME1',
    'http://api.twilio.com/Media/ME1',
    'https://api.twilio.com.example.com/Media/ME1',
    'https://eviltwilio.com/Media/ME1',
    'https://user@api.twilio.com/Media/ME1',
    'https://media.twiliocdn.com/ME1',
    'http://127.0.0.1:1/Media/ME1',
    'file:///etc/passwd',
    'nothing',
  ])('%s is not called', async (url) => {
    await expect(fetchTwilioMedia(url, options())).rejects.toMatchObject({ code: 'media_refused' })
    expect(calls).toEqual([])
  })

  it.each([
    ['https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/ME1', 'image/png'],
    ['https://media.twiliocdn.com.s3-external-1.amazonaws.com/AC1/ME1', 'image/png'],
    ['https://api.ie1.twilio.com/ME1', 'image/png'],
    ['https://evil.s3.amazonaws.com/AC1/ME1', undefined],
    ['http://media.twiliocdn.com/ME1', undefined],
    ['https://169.254.169.254/latest', undefined],
  ])('that redirects to %s is followed only to Twilio', async (location, mimeType) => {
    const authorized: boolean[] = []
    const answers = [
      new Response(null, { status: 307, headers: { location } }),
      new Response('x', { headers: { 'content-type': 'image/png' } }),
    ]
    const answer: typeof fetch = async (_, init) => {
      authorized.push(new Headers(init?.headers).has('authorization'))
      return answers.shift() as Response
    }
    const fetched = fetchTwilioMedia(MEDIA, options({ fetch: answer, extraHosts: [] }))
    if (mimeType) expect((await fetched).mimeType).toBe(mimeType)
    else await expect(fetched).rejects.toMatchObject({ code: 'media_refused' })
    expect(authorized).toEqual(mimeType ? [true, false] : [true])
  })

  it('that redirects for ever is given up', async () => {
    const answer: typeof fetch = async () => new Response(null, { status: 307, headers: { location: '/again' } })
    await expect(fetchTwilioMedia(MEDIA, options({ fetch: answer }))).rejects.toThrow('redirects more than 3 times')
  })
})
