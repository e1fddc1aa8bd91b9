import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommsError } from '@pipe-comms/core'
import { aMessage } from '@pipe-comms/core/conformance'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { commitGroup, type WriterMessage } from './group-commit.ts'
import { type LogWriter, openLogWriter } from './log-writer.ts'
import { toRow } from './stored-event.ts'
import { type Field, packEvent, packPart, packRequest, unpackAnswers } from './write-parcel.ts'
import type { FromWriter } from './writer-protocol.ts'

let dir: string
let file: string
let writer: LogWriter
let commits: number

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'messages.sqlite')
  commits = 0
  const real = await openLogWriter(file, 'full')
  writer = {
    ...real,
    commit: () => {
      commits += 1
      real.commit()
    },
  }
})
afterEach(async () => {
  writer.close()
  await rm(dir, { recursive: true })
})

/** A parcel with one part of a job: one request an event. */
function parcel(job: number, keys: readonly string[], last = true): WriterMessage {
  const fields: Field[] = []
  packPart({ job, last, requests: keys.length }, fields)
  for (const key of keys) {
    packRequest('whatsapp:+33639980001', undefined, 1, fields)
    packEvent(toRow(aMessage(key)), fields)
  }
  return { parcel: fields, recordedAt: '2026-01-06T10:00:00.000Z' }
}

/** Writes one group; what waits is there from the beginning, what is late comes only when it is asked for. */
async function group(waiting: WriterMessage[], late: WriterMessage[] = []): Promise<FromWriter[]> {
  const replies: FromWriter[] = []
  const [first, ...rest] = waiting
  const inbox = {
    poll: async () => rest.shift(),
    next: async () => (rest.shift() ?? late.shift()) as WriterMessage,
  }
  await commitGroup(first as WriterMessage, writer, inbox, (message) => replies.push(message))
  return replies
}

function keysInFile(): string[] {
  const db = new Database(file, { readonly: true })
  try {
    return db.prepare<[], string>('SELECT idempotency_key FROM message_events ORDER BY event_position').pluck().all()
  } finally {
    db.close()
  }
}

const durable = (replies: readonly FromWriter[]) =>
  replies.flatMap((reply) => (typeof reply === 'object' && 'durable' in reply ? reply.durable : []))
const failed = (replies: readonly FromWriter[]) =>
  replies.flatMap((reply) => (typeof reply === 'object' && 'failed' in reply ? reply.failed : []))

it('writes all that waits in one transaction, and tells of it once', async () => {
  const replies = await group([
    parcel(1, ['a', 'b']),
    { job: 2, checkpoint: { consumerId: 'c', position: '1' }, savedAt: 'now' },
    parcel(3, ['c']),
  ])
  expect(commits).toBe(1)
  expect(replies).toHaveLength(1)
  expect(durable(replies)).toEqual([1, 2, 3])
  expect(keysInFile()).toEqual(['a', 'b', 'c'])
})

it('waits for the rest of a job before it commits', async () => {
  const replies = await group([parcel(1, ['a'], false)], [parcel(1, ['b'])])
  expect([commits, durable(replies), keysInFile()]).toEqual([1, [1], ['a', 'b']])
})

it('leaves no trace of a job whose rest will never come, and writes the others', async () => {
  expect(await group([parcel(1, ['alone'], false), { drop: 1 }])).toEqual([])
  const replies = await group([parcel(1, ['a']), parcel(2, ['b'], false), { drop: 2 }, parcel(3, ['c'])])
  expect(durable(replies)).toEqual([1])
  expect(keysInFile()).toEqual(['a'])
})

it('refuses only the job to blame', async () => {
  const real = writer.append
  writer.append = (requests, recordedAt) => {
    if (requests.some(({ events }) => events.some(({ idempotencyKey }) => idempotencyKey === 'poison')))
      throw new CommsError('event_invalid', 'too big')
    return real(requests, recordedAt)
  }
  const replies = await group([parcel(1, ['a']), parcel(2, ['b', 'poison']), parcel(3, ['c'])])
  expect([durable(replies), failed(replies), keysInFile()]).toEqual([[1], [2], ['a']])
  const places = replies.flatMap((reply) => (typeof reply === 'object' && 'places' in reply ? unpackAnswers(reply.places) : []))
  expect(places.at(-1)).toMatchObject({ job: 1, answers: [{ version: 1, events: [{ event: { row: 1 }, repeated: false }] }] })
})

it('refuses all that waits when the file cannot be written, without trying for each', async () => {
  let tries = 0
  writer.begin = async () => {
    tries += 1
    throw new CommsError('store_unavailable', 'busy')
  }
  const replies = await group([parcel(1, ['a']), parcel(2, ['b'], false), parcel(3, ['c'])], [parcel(2, ['d'])])
  expect([tries, failed(replies).sort(), keysInFile()]).toEqual([1, [1, 2, 3], []])
})
