import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppendResult, NewEvent, RecordedEvent } from '@pipe-comms/core'
import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteEventStore, type SqliteEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'

let dir: string
let file: string
let store: SqliteEventStore

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'new', 'messages.sqlite')
  store = await openSqliteEventStore({ file, clock: { now: () => Date.UTC(2026, 0, 6, 10) } })
})
afterEach(async () => {
  await store.close()
  await rm(dir, { recursive: true })
})

/** `prefix-1` to `prefix-count`. */
const keys = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`)

async function collect(events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

const inTable = <Row>(sql: string): Row[] => {
  const db = new Database(file, { readonly: true })
  try {
    return db.prepare<[], Row>(sql).all()
  } finally {
    db.close()
  }
}

describe('appending', () => {
  it('fills the columns that are searched, and keeps the whole event as JSON', async () => {
    const lead = { id: 'lead-7', directory: 'espocrm', rule: 'phone', certainty: 'certain' } as const
    await store.append([{ streamId: STREAM, events: [{ ...aMessage('a'), lead }] }])
    const [row] = inTable<Record<string, unknown>>('SELECT * FROM message_events')
    expect(row).toMatchObject({
      event_position: 1,
      stream_id: STREAM,
      stream_version: 1,
      idempotency_key: 'a',
      event_type: 'message.received',
      channel: 'whatsapp',
      lead_id: 'lead-7',
      message_id: 'conformance:a',
      occurred_at: '2026-01-06T10:00:00.000Z',
      recorded_at: '2026-01-06T10:00:00.000Z',
    })
    const logId = inTable<{ log_id: string }>('SELECT log_id FROM log_identity')[0]?.log_id
    expect({ ...JSON.parse(row?.event_json as string), position: `${logId}.000000000001` }).toEqual(await store.find('a'))
  })

  it('answers every append of a flood with its own events', async () => {
    const results = await Promise.all(
      keys('k', 500).map((key) => store.append([appendOf(STREAM, [key]), appendOf('sms:+12025550101', [`${key}-b`])])),
    )
    expect(results.map((result) => result.map((one) => one.status === 'recorded' && one.events[0]?.event.idempotencyKey))).toEqual(
      keys('k', 500).map((key) => [key, `${key}-b`]),
    )
    expect(await collect(store.readAll())).toHaveLength(1000)
  })

  it('records nothing of an append of which a later event can never be stored', async () => {
    const circular = { ...aMessage('bad') } as { data: Record<string, unknown> }
    circular.data = { circular }
    const requests = [...keys('k', 200).map((key) => appendOf(STREAM, [key])), { streamId: STREAM, events: [circular as NewEvent] }]
    const [refused] = await Promise.allSettled([store.append(requests), store.append([appendOf(STREAM, ['innocent'])])])
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'event_invalid' } })
    expect((await collect(store.readAll())).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['innocent'])
  })

  it('never leaves an append waiting, however the appends fall', async () => {
    let pending = 0
    for (let round = 0; round < 200; round += 1) {
      pending += 1
      const append = store.append([appendOf(STREAM, [`r${round}`])]).then(() => {
        pending -= 1
      })
      if (round % 3 === 0) await append
      else if (round % 3 === 1) await Promise.resolve()
      else await new Promise(setImmediate)
    }
    await expect.poll(() => pending).toBe(0)
  })

  it('keeps what a caller does to its objects while they wait out of the log', async () => {
    const event = aMessage('mine', 'before')
    const appended = store.append([{ streamId: STREAM, events: [event] }])
    event.data.text = 'after'
    event.idempotencyKey = 'other'
    await appended
    expect(await store.find('mine')).toMatchObject({ data: { text: 'before' } })
  })

  it('tells streams and keys apart that differ in a NUL, half a surrogate pair or an escape', async () => {
    const names = [
      'a\u0000',
      'a',
      'a\u0000b',
      'x\ud83d',
      'x\ud83e',
      'x\ufffd',
      'x\\ud83d',
      '\\',
      '\\\\',
      '"',
      '\\"',
      '\u0001',
      '\u007f',
      '😀',
      'e\u0301',
      '\u00e9',
    ]
    for (const name of names) await store.append([{ streamId: name, events: [aMessage(name)] }])
    expect((await collect(store.readAll())).map(({ streamId }) => streamId)).toEqual(names)
    for (const name of names) {
      expect((await collect(store.readStream(name))).map(({ idempotencyKey }) => idempotencyKey)).toEqual([name])
      expect((await store.find(name))?.streamId).toBe(name)
    }
    const again = await store.append(names.map((name) => ({ streamId: name, events: [aMessage(name)] })))
    expect(again.map((result) => repeats(result))).toEqual(names.map(() => [true]))
  })

  it('refuses an event that can never be stored without touching the others of the moment', async () => {
    const { idempotencyKey: _, ...nameless } = aMessage('b')
    const circular = { ...aMessage('c') } as { data: Record<string, unknown> }
    circular.data = { circular }
    const newer = { ...aMessage('e'), schemaVersion: 99 }
    const append = (event: unknown) => store.append([{ streamId: STREAM, events: [event as NewEvent] }])
    const results = await Promise.allSettled([
      append(aMessage('a')),
      append(nameless),
      append(circular),
      append(newer),
      append(aMessage('d')),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'])
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'event_invalid' })
    expect((await collect(store.readAll())).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['a', 'd'])
  })
})

describe('reading', () => {
  it('goes through many pages without a gap, from any place', async () => {
    await store.append([appendOf(STREAM, keys('k', 1000)), appendOf('sms:+12025550101', ['other']), appendOf(STREAM, keys('m', 1001))])
    const all = await collect(store.readAll())
    expect(all.map(({ position }) => Number(position.split('.')[1]))).toEqual(Array.from({ length: 2002 }, (_, index) => index + 1))
    for (const at of [0, 498, 499, 500, 999, 1000, 2000, 2001]) {
      const rest = await collect(store.readAll({ after: all[at]?.position as string }))
      expect(rest.map(({ id }) => id)).toEqual(all.slice(at + 1).map(({ id }) => id))
    }
    expect((await collect(store.readStream(STREAM))).map(({ version }) => version)).toEqual(Array.from({ length: 2001 }, (_, i) => i + 1))
  })

  it('goes through events larger than a page', async () => {
    const texts = keys('large', 6)
    for (const key of texts) await store.append([{ streamId: STREAM, events: [aMessage(key, 'x'.repeat(3_000_000))] }])
    expect((await collect(store.readAll())).map(({ idempotencyKey }) => idempotencyKey)).toEqual(texts)
  })

  it('refuses positions beyond the end and of other stores', async () => {
    await store.append([appendOf(STREAM, ['a', 'b'])])
    const log = (await store.find('a'))?.position.split('.')[0] as string
    expect(await collect(store.readAll({ after: `${log}.000000000002` }))).toEqual([])
    for (const place of ['000000000003', '000000000000', '2', '0000000000002', '2026-01-06:000000000000', '00000000000x', ' 00000000002']) {
      await expect(collect(store.readAll({ after: `${log}.${place}` }))).rejects.toMatchObject({ code: 'position_invalid' })
    }
    for (const after of ['000000000002', `.000000000002`, `${log}000000000002`, `${log} .000000000002`, `'${log}.000000000002`]) {
      await expect(collect(store.readAll({ after }))).rejects.toMatchObject({ code: 'position_invalid' })
    }
    await expect(collect(store.readAll({ after: 'aaaaaaaa.000000000002' }))).rejects.toMatchObject({
      code: 'position_invalid',
      message: expect.stringMatching(new RegExp(`which is ${log}, up to ${log}\\.000000000002.*it is of the log aaaaaaaa`)),
    })
    await expect(collect(store.readAll({ after: `${log}.000000000099` }))).rejects.toMatchObject({
      message: expect.stringContaining('restore of an older copy'),
    })
  })

  it('lets the write-ahead log be folded into the file while a slow reader is under way', async () => {
    const large = (key: string) => ({ streamId: STREAM, events: [aMessage(key, 'x'.repeat(8_000))] })
    await store.append(keys('k', 1200).map(large))
    let round = 0
    for await (const { idempotencyKey } of store.readAll()) {
      if (!idempotencyKey.startsWith('k')) break
      if (round++ % 10 === 0) await store.append(keys(`during-${round}`, 20).map(large))
    }
    const written = 120 * 20 * 8_000
    expect((await stat(`${file}-wal`)).size).toBeLessThan(written / 2 + 10_000_000)
  })

  it('is refused when the store is closed in the middle', async () => {
    await store.append([appendOf(STREAM, keys('k', 1200))])
    const refused = expect(collect(store.readAll())).rejects.toMatchObject({ code: 'store_closed' })
    await store.close()
    await refused
  })
})

it.each([
  ['no file', {}],
  ['an empty file name', { file: '' }],
  ['a database in memory', { file: ':memory:' }],
  ['an unknown synchronous', { file: 'x', synchronous: 'off' }],
])('refuses options with %s', async (_, options) => {
  await expect(openSqliteEventStore(options as { file: string })).rejects.toMatchObject({ code: 'configuration_invalid' })
})

function repeats(result: AppendResult): boolean[] {
  return result.status === 'recorded' ? result.events.map(({ repeated }) => repeated) : []
}
