import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendOf } from '@pipe-comms/core/conformance'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteEventStore } from './index.ts'
import { openToWrite } from './open-database.ts'
import { migrations } from './schema.ts'

const STREAM = 'whatsapp:+33639980001'

let dir: string
let file: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'messages.sqlite')
})
afterEach(() => rm(dir, { recursive: true }))

/** A connection of another program, such as the sqlite3 shell. */
function inShell<Result>(run: (db: Database.Database) => Result): Result {
  const db = new Database(file)
  try {
    return run(db)
  } finally {
    db.close()
  }
}

describe('the table message_events', () => {
  beforeEach(async () => {
    const store = await openSqliteEventStore({ file })
    await store.append([appendOf(STREAM, ['a', 'b'])])
    await store.close()
  })

  it.each([
    ['UPDATE', "UPDATE message_events SET event_json = '{}'"],
    ['UPDATE of one row', 'UPDATE message_events SET lead_id = 1 WHERE event_position = 1'],
    ['DELETE', 'DELETE FROM message_events'],
    ['INSERT OR REPLACE of a position', insert('REPLACE', '1, ?, 9, ?')],
    ['INSERT OR REPLACE of a key', insert('REPLACE', "3, ?, 9, 'a'")],
    ['INSERT OR REPLACE of a version', insert('REPLACE', `3, '${STREAM}', 2, ?`)],
    ['a second event under a key', insert('ABORT', "3, ?, 9, 'a'")],
  ])('refuses %s', (_, sql) => {
    const before = inShell((db) => db.prepare('SELECT * FROM message_events').all())
    expect(() => inShell((db) => db.prepare(sql).run(...Array(sql.split('?').length - 1).fill('other')))).toThrow(/append-only/)
    expect(inShell((db) => db.prepare('SELECT * FROM message_events').all())).toEqual(before)
  })

  it.each([
    ['a stream', 'stream_id = ? AND stream_version > ?', 'message_events_by_stream'],
    ['a key', 'idempotency_key = ?', 'message_events_by_key'],
    ['a lead', 'lead_id = ?', 'message_events_by_lead'],
    ['a message', 'message_id = ?', 'message_events_by_message'],
    ['a channel and time', 'channel = ? AND occurred_at > ?', 'message_events_by_channel_and_time'],
  ])('has an index for %s', (_, condition, index) => {
    const parameters = Array(condition.split('?').length - 1).fill('x')
    const plan = inShell((db) => db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM message_events WHERE ${condition}`).all(...parameters))
    expect(JSON.stringify(plan)).toContain(`SEARCH message_events USING INDEX ${index} `)
  })
})

describe('opening', () => {
  it('brings a new file to the newest schema, and changes nothing the next time', async () => {
    const told: string[] = []
    const logger = { debug() {}, info: (message: string) => told.push(message), warn() {}, error() {} }
    await (await openSqliteEventStore({ file, logger })).close()
    await (await openSqliteEventStore({ file, logger })).close()
    expect(told).toEqual([`${file}: schema 0 brought to ${migrations.length}`])
    expect(inShell((db) => db.pragma('user_version', { simple: true }))).toBe(migrations.length)
  })

  it('lets many open a new file at once', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => openSqliteEventStore({ file })))
    await Promise.all(stores.map((store, index) => store.append([appendOf(STREAM, [`k${index}`])])))
    const found = await Promise.all(stores.map((store) => store.find('k3')))
    expect(found.map((event) => event?.idempotencyKey)).toEqual(Array(5).fill('k3'))
    await Promise.all(stores.map((store) => store.close()))
  })

  it('refuses a file of a newer release, saying so, and leaves it alone', async () => {
    await (await openSqliteEventStore({ file })).close()
    inShell((db) => db.pragma('user_version = 99'))
    const before = await readFile(file)
    await expect(openSqliteEventStore({ file })).rejects.toMatchObject({
      code: 'store_corrupt',
      message: `${file} has schema 99, this release knows 1 to ${migrations.length}: a newer release wrote it? Install that release`,
    })
    expect(await readFile(file)).toEqual(before)
  })

  it.each([
    ['tables', 'CREATE TABLE orders (id INTEGER)'],
    ['a table of the same name', 'CREATE TABLE message_events (id INTEGER)'],
    ['an application id', 'PRAGMA application_id = 7'],
  ])('refuses a database with %s of another application, and leaves it alone', async (_, sql) => {
    inShell((db) => db.exec(sql))
    const before = await readFile(file)
    await expect(openSqliteEventStore({ file })).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringContaining(`${file} is a database of another application`),
    })
    expect(await readFile(file)).toEqual(before)
  })

  it('refuses a file that is no database, and leaves it alone', async () => {
    await writeFile(file, 'not a database at all\n'.repeat(100))
    await expect(openSqliteEventStore({ file })).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringMatching(/messages\.sqlite: SQLITE_NOTADB/),
    })
    expect(await readFile(file, 'utf8')).toBe('not a database at all\n'.repeat(100))
  })

  it.each([
    ['full', 2],
    ['normal', 1],
  ] as const)('really sets WAL and synchronous %s', async (synchronous, level) => {
    const { db } = await openToWrite(file, synchronous)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db.pragma('synchronous', { simple: true })).toBe(level)
    db.close()
  })
})

function insert(onConflict: string, columns: string): string {
  return `INSERT OR ${onConflict} INTO message_events (event_position, stream_id, stream_version, idempotency_key, event_id, event_type,
    channel, occurred_at, recorded_at, event_json) VALUES (${columns}, 'evt', 'type', 'sms', 'time', 'time', '{}')`
}
