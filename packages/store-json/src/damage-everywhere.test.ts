import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecordedEvent } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openJsonEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'
const FILE = 'message_events_2026-01-06.jsonl'
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
const clock = { now: () => Date.UTC(2026, 0, 6, 12) }
/** Bits between two that are turned; prime, so that each bit of a byte has its turn. Set to 1, every bit is. */
const STRIDE = 47

let dir: string
let identity: Buffer
let good: Buffer
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-flips-'))
  const store = await openJsonEventStore({ dir: join(dir, 'good'), clock })
  await store.append([appendOf(STREAM, ['a', 'b'])])
  await store.append([appendOf(STREAM, ['c', 'd', 'e'])])
  await store.append([appendOf(STREAM, ['f'])])
  await store.close()
  identity = await readFile(join(dir, 'good', 'log-identity.json'))
  good = await readFile(join(dir, 'good', FILE))
})
afterAll(() => rm(dir, { recursive: true }))

/** Opens a copy of the log with other bytes, as after a crash: without its side index. */
async function withBytes(bytes: Buffer) {
  const at = join(dir, 'damaged')
  await rm(at, { recursive: true, force: true })
  await mkdir(at)
  await writeFile(join(at, 'log-identity.json'), identity)
  await writeFile(join(at, FILE), bytes)
  const store = await openJsonEventStore({ dir: at, clock })
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) events.push(event)
  const [appended] = await store.append([appendOf('sms:+33639980002', ['next'])])
  expect(appended).toMatchObject({ status: 'recorded' })
  await store.close()
  return { events, aside: (await readdir(at)).filter((name) => name.includes('.torn-')).length }
}

const keysOf = (events: readonly RecordedEvent[]) => events.map(({ idempotencyKey }) => idempotencyKey)

describe('a day file', () => {
  it('with any one bit turned opens, keeps all events that are well, and takes the next one', async () => {
    for (let bit = 0; bit < 8 * good.length; bit += STRIDE) {
      const bytes = Buffer.from(good)
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      const { events, aside } = await withBytes(bytes)
      const line = good.subarray(0, bit >> 3).reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0)
      // A turned newline makes one damaged line of two.
      const touched = good[bit >> 3] === 10 ? [line, line + 1] : [line]
      const well = KEYS.filter((_, index) => !touched.includes(index))
      expect({ bit, kept: keysOf(events.filter((_, place) => place !== line)) }).toEqual({ bit, kept: well })
      expect({ bit, aside, places: events.length >= KEYS.length - (touched.length - 1) }).toEqual({ bit, aside: 0, places: true })
    }
  }, 120_000)

  it('cut at any byte opens with the requests that are whole, and moves the rest aside', async () => {
    const ends = [...good].flatMap((byte, at) => (byte === 10 ? [at] : []))
    const requests = [
      [1, ['a', 'b']],
      [4, ['c', 'd', 'e']],
      [5, ['f']],
    ] as const
    for (let length = 0; length < good.length; length += 7) {
      const { events, aside } = await withBytes(good.subarray(0, length))
      // A line that lacks its newline only is whole.
      const whole = requests.filter(([last]) => length >= (ends[last] as number)).flatMap(([, keys]) => keys)
      expect({ length, keys: keysOf(events) }).toEqual({ length, keys: whole })
      const kept = Math.max(0, ...requests.filter(([last]) => length >= (ends[last] as number)).map(([last]) => (ends[last] as number) + 1))
      expect({ length, aside }).toEqual({ length, aside: length > kept ? 1 : 0 })
    }
  }, 120_000)
})
