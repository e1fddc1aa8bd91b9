import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import { createClient } from '@supabase/supabase-js'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { supabaseEventStore } from './index.ts'
import { describeWithPostgres, emptyLog, freshDatabase } from './testing/database.ts'
import { type RestGateway, startRestGateway } from './testing/rest-gateway.ts'

const STREAM = 'whatsapp:+33639980001'
const quick = { firstRetryMs: 1, timeoutMs: 2000 }

const storeFor = (url: string, key: string, options = {}, clientOptions = {}) =>
  supabaseEventStore({ client: createClient(url, key, { auth: { persistSession: false }, ...clientOptions }), ...quick, ...options })

describeWithPostgres('supabaseEventStore', () => {
  let database: string
  let gateway: RestGateway
  beforeAll(async () => {
    database = await freshDatabase()
    gateway = await startRestGateway(database)
  })
  afterEach(async () => {
    gateway.fault = undefined
    await emptyLog(database)
  })
  afterAll(() => gateway?.close())

  const keysIn = async () => {
    const found: string[] = []
    for await (const { idempotencyKey } of storeFor(gateway.url, gateway.keys.secret).readAll()) found.push(idempotencyKey)
    return found
  }

  it.each(['secret', 'serviceRole'] as const)('works with the key %s', async (key) => {
    const store = storeFor(gateway.url, gateway.keys[key])
    await store.append([appendOf(STREAM, ['a'])])
    expect(await keysIn()).toEqual(['a'])
    expect((await store.check()).map(({ problem }) => problem)).toEqual([expect.stringContaining('fsync off')])
  })

  describe('an outcome that is unknown', () => {
    it.each([
      ['the answer was lost', { loseAnswer: true }],
      ['the connection was cut before', { cut: true }],
      ['the gateway answered 502 in HTML', { answer: { status: 502, body: '<html>Bad gateway</html>' } }],
      ['the gateway answered 504', { answer: { status: 504, body: '{"message":"timeout"}', contentType: 'application/json' } }],
    ])('is tried again when %s, recorded once, and is not a repeat of itself', async (_, fault) => {
      let calls = 0
      gateway.fault = (name) => (name === 'append_message_events' && ++calls === 1 ? fault : undefined)
      const store = storeFor(gateway.url, gateway.keys.secret)
      const results = await store.append([
        appendOf(STREAM, ['a', 'a', 'b'], 0),
        appendOf(STREAM, ['c'], 0),
        appendOf('sms:+33639980001', ['b', 'd']),
      ])
      expect(results).toMatchObject([
        { status: 'recorded', version: 2, events: [{ repeated: false }, { repeated: true }, { repeated: false }] },
        { status: 'conflict', actualVersion: 2 },
        { status: 'recorded', version: 1, events: [{ repeated: true }, { repeated: false }] },
      ])
      expect(calls).toBe(2)
      expect(await keysIn()).toEqual(['a', 'b', 'd'])
    })

    it('is refused with store_unavailable after the last try; the same append later comes back as repeats', async () => {
      gateway.fault = (name) => (name === 'append_message_events' ? { loseAnswer: true } : undefined)
      const store = storeFor(gateway.url, gateway.keys.secret)
      await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(/^Supabase: cannot be reached .*, 3 times$/),
      })
      gateway.fault = undefined
      expect(await store.append([appendOf(STREAM, ['a'])])).toMatchObject([{ events: [{ repeated: true }] }])
      expect(await keysIn()).toEqual(['a'])
    })

    it('is that of a call that is not answered in time', async () => {
      const slow = createClient(gateway.url, gateway.keys.secret, {
        auth: { persistSession: false },
        global: {
          fetch: (_url, init) =>
            new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))),
        },
      })
      const store = supabaseEventStore({ client: slow, timeoutMs: 20, firstRetryMs: 1, maxTries: 2 })
      await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
        code: 'store_unavailable',
        message: 'Supabase: no answer to open_message_log within 20 ms, 2 times',
      })
    })
  })

  it('is tried again in a read too, which the client itself would not do', async () => {
    let calls = 0
    await storeFor(gateway.url, gateway.keys.secret).append([appendOf(STREAM, ['a'])])
    gateway.fault = (name) => (name === 'find_message_event' && ++calls <= 2 ? { answer: { status: 503, body: '' } } : undefined)
    expect((await storeFor(gateway.url, gateway.keys.secret).find('a'))?.idempotencyKey).toBe('a')
    expect(calls).toBe(3)
  })

  it('reads far more than the 1000 rows of the API, in pages', async () => {
    const store = storeFor(gateway.url, gateway.keys.secret)
    const keys = Array.from({ length: 2300 }, (_, index) => `k${index}`)
    await store.append([{ streamId: STREAM, events: keys.map((key) => aMessage(key, 'x')) }])
    expect(await keysIn()).toEqual(keys)
    const versions: number[] = []
    for await (const { version } of store.readStream(STREAM, { fromVersion: 2 })) versions.push(version)
    expect(versions).toEqual(Array.from({ length: 2299 }, (_, index) => index + 2))
  })

  it('reads everything where the API cuts rows below a page', async () => {
    const strict = await startRestGateway(database, { maxRows: 7 })
    const store = storeFor(strict.url, strict.keys.secret)
    const keys = Array.from({ length: 23 }, (_, index) => `k${index}`)
    await store.append([{ streamId: STREAM, events: keys.map((key) => aMessage(key)) }])
    const found = async (events: AsyncIterable<{ idempotencyKey: string }>) => {
      const seen: string[] = []
      for await (const { idempotencyKey } of events) seen.push(idempotencyKey)
      return seen
    }
    expect(await found(store.readAll())).toEqual(keys)
    expect(await found(store.readStream(STREAM))).toEqual(keys)
    await strict.close()
  })

  it('makes smaller pages of large events', async () => {
    const store = storeFor(gateway.url, gateway.keys.secret)
    for (let index = 0; index < 8; index += 1)
      await store.append([{ streamId: STREAM, events: [aMessage(`k${index}`, 'x'.repeat(600_000))] }])
    let pages = 0
    gateway.fault = (name) => {
      if (name === 'read_message_events') pages += 1
      return undefined
    }
    expect(await keysIn()).toHaveLength(8)
    expect(pages).toBe(2)
  })

  describe('a usual mistake is told with what to do', () => {
    const problemOf = async (url: string, key: string, code: string, clientOptions = {}) => {
      const store = storeFor(url, key, { maxTries: 1 }, clientOptions)
      const error = await store.append([appendOf(STREAM, ['a'])]).then(
        () => undefined,
        (thrown: Error) => thrown,
      )
      expect(error).toMatchObject({ name: 'CommsError', code })
      const [problem] = await store.check()
      expect(error?.message).toContain(problem?.remedy)
      expect(error?.message).not.toContain(key)
      expect(JSON.stringify(error)).not.toContain(key)
      return `${problem?.problem}. ${problem?.remedy}`
    }

    it('the SQL was not run', async () => {
      const empty = await startRestGateway(await freshDatabase({ schema: false }))
      expect(await problemOf(empty.url, empty.keys.secret, 'store_misconfigured')).toMatch(
        /^PGRST202 .*Run create-message-events-table\.sql .*reload schema/,
      )
      await empty.close()
    })

    it('a key of anon', async () => {
      for (const key of [gateway.keys.anon, gateway.keys.publishable, gateway.keys.authenticated]) {
        expect(await problemOf(gateway.url, key, 'store_misconfigured')).toMatch(
          /^42501 permission denied for function .*Take the key of the backend/,
        )
      }
    })

    it('a key of another project', async () => {
      expect(await problemOf(gateway.url, 'sb_secret_of_another', 'store_unavailable')).toBe(
        'HTTP 401, the key was refused. Check the URL and the key: they must be of one project',
      )
    })

    it('a schema that is not exposed', async () => {
      expect(await problemOf(gateway.url, gateway.keys.secret, 'store_misconfigured', { db: { schema: 'private' } })).toMatch(
        /^PGRST106 .*Leave db\.schema/,
      )
    })

    it('a URL with a wrong path, which the client takes for an empty success', async () => {
      expect(await problemOf(`${gateway.url}/wrong`, gateway.keys.secret, 'store_unavailable')).toMatch(
        /was answered with nothing .*Check that the client's URL/,
      )
    })

    it('a paused project', async () => {
      gateway.fault = () => ({ answer: { status: 540, body: '{"message":"Project paused"}', contentType: 'application/json' } })
      expect(await problemOf(gateway.url, gateway.keys.secret, 'store_unavailable')).toMatch(
        /^the project is paused \(HTTP 540\)\. Restore it/,
      )
    })

    it('a host that does not exist', async () => {
      expect(await problemOf('http://no-such-project.invalid', gateway.keys.secret, 'store_unavailable')).toMatch(
        /^cannot be reached \(E\w+\)\. The host is unknown/,
      )
    })
  })

  it('never shows a value of an event in an error', async () => {
    const store = storeFor(gateway.url, gateway.keys.secret)
    const wrong = { ...aMessage('a', 'secret text'), occurredAt: 'secret time' }
    const error = (await store.append([{ streamId: STREAM, events: [wrong] }]).catch((thrown: Error) => thrown)) as Error
    expect(error).toMatchObject({ code: 'event_invalid', message: 'Supabase: 22007: the table cannot hold a value of the event' })
    expect(error.cause).toBeUndefined()
  })

  it('understands a client that throws', async () => {
    const client = createClient(gateway.url, gateway.keys.anon, { auth: { persistSession: false } })
    const throwing = { rpc: (name: string, args: object) => client.rpc(name, args).throwOnError() }
    const store = supabaseEventStore({ client: throwing, ...quick })
    await expect(store.find('a')).rejects.toMatchObject({ code: 'store_misconfigured', message: expect.stringContaining('42501') })
  })
})

describe('supabaseEventStore', () => {
  it.each([
    ['no client', {}, 'client: expected a client'],
    ['maxTries 0', { client: { rpc() {} }, maxTries: 0 }, 'maxTries: expected a whole number from 1, got 0'],
  ])('refuses %s', (_, options, message) => {
    expect(() => supabaseEventStore(options as never)).toThrow(message)
  })
})
