import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventStore, Logger, RecordedEvent } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openJsonEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'
const FILE = 'message_events_2026-01-06.jsonl'
const NOW = Date.UTC(2026, 0, 6, 12)

let dir: string
let said: string[]
let opened: EventStore[]

const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => said.push(`warn ${message}`),
  error: (message) => said.push(`error ${message}`),
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-damaged-'))
  said = []
  opened = []
})
afterEach(async () => {
  for (const store of opened) await store.close()
  await rm(dir, { recursive: true })
})

const openStore = async (now = NOW) => {
  const store = await openJsonEventStore({ dir, clock: { now: () => now }, logger })
  opened.push(store)
  return store
}
const path = (name = FILE) => join(dir, name)
const collect = async (events: AsyncIterable<RecordedEvent>) => {
  const found: RecordedEvent[] = []
  for await (const event of events) found.push(event)
  return found
}
const seen = async (store: EventStore) => (await collect(store.readAll())).map(({ type, idempotencyKey }) => `${type} ${idempotencyKey}`)
const asides = async () => (await readdir(dir)).filter((name) => name.includes('.torn-'))

/** A log with the events a to e, closed; `withIndex: false`: as after a crash, without its side index. */
async function filled({ withIndex = true } = {}): Promise<string[]> {
  const store = await openStore()
  for (const key of ['a', 'b', 'c', 'd', 'e']) await store.append([appendOf(STREAM, [key])])
  await store.close()
  if (!withIndex) await rm(path(`${FILE}.index`))
  return (await readFile(path(), 'utf8')).trimEnd().split('\n')
}

/** The log with one line replaced. */
async function withLine(number: number, change: (line: string) => string, options = {}): Promise<EventStore> {
  const lines = await filled(options)
  lines[number] = change(lines[number] as string)
  await writeFile(path(), `${lines.join('\n')}\n`)
  return openStore()
}

const damages: [string, (line: string) => string][] = [
  ['of a newer schema', (line) => line.replace('"schemaVersion":1', '"schemaVersion":9')],
  ['with its first byte changed', (line) => `#${line.slice(1)}`],
  ['with the name of its key changed', (line) => line.replace('"id":', '"ie":')],
  ['with a broken text in it', (line) => line.replace('"text":"', '"text":')],
  ['without its data', (line) => line.replace('"data":', '"dota":')],
  ['with a control character in it', (line) => line.replace('"channel":"', '"channel":"\u0001')],
]

describe.each([
  ['with its side index', true],
  ['without its side index', false],
])('a log %s', (_, withIndex) => {
  describe.each([
    ['in the middle', 2],
    ['at the end', 4],
  ])('with a line %s', (_, number) => {
    it.each(damages)('%s reads on past it, finds its key and its place, and takes the next event', async (_, change) => {
      const store = await withLine(number, change, { withIndex })
      const key = ['a', 'b', 'c', 'd', 'e'][number] as string
      const expected = ['a', 'b', 'c', 'd', 'e'].map((one) => `${one === key ? 'event.unreadable' : 'message.received'} ${one}`)
      expect(await seen(store)).toEqual(expected)
      expect((await collect(store.readStream(STREAM))).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
      expect(await store.find(key)).toMatchObject({ type: 'event.unreadable', idempotencyKey: key, version: number + 1, streamId: STREAM })
      expect(await asides()).toEqual([])
      // A repeat of it is still a repeat, and the next event gets the next version.
      expect(await store.append([appendOf(STREAM, [key])])).toMatchObject([{ events: [{ repeated: true }] }])
      expect(await store.append([appendOf(STREAM, ['f'], 5)])).toMatchObject([{ status: 'recorded', version: 6 }])
      const [{ position } = { position: '' }] = (await collect(store.readAll())).slice(number)
      expect((await collect(store.readAll({ after: position }))).map(({ idempotencyKey }) => idempotencyKey)).toEqual(
        ['a', 'b', 'c', 'd', 'e', 'f'].slice(number + 1),
      )
      expect(said.filter((line) => /^error .*(is damaged|cannot be read)/.test(line))).toHaveLength(1)
      await store.close()
      expect(await seen(await openStore())).toEqual([...expected, 'message.received f'])
    })
  })
})

it('a line of which nothing can be read keeps its place in the log', async () => {
  const store = await withLine(2, (line) => 'x'.repeat(line.length))
  expect(await seen(store)).toEqual([
    'message.received a',
    'message.received b',
    expect.stringMatching(/^event\.unreadable unreadable:/),
    'message.received d',
    'message.received e',
  ])
  expect(said.filter((line) => line.includes('is damaged'))).toEqual([expect.stringMatching(/the line at byte \d+ is damaged.*backup/)])
})

it('blank lines hold nothing and are no damage', async () => {
  const lines = await filled()
  await writeFile(path(), `${lines.slice(0, 3).join('\n')}\n\n  \n${lines.slice(3).join('\n')}\n\n`)
  expect(await seen(await openStore())).toHaveLength(5)
  expect(said.filter((line) => line.startsWith('error'))).toEqual([])
  expect(await asides()).toEqual([])
})

describe('the end of a day file', () => {
  it('whose last line lacks its newline only stays in the log, which is said', async () => {
    const lines = await filled({ withIndex: false })
    await writeFile(path(), lines.join('\n'))
    const store = await openStore()
    expect(await seen(store)).toHaveLength(5)
    await store.append([appendOf(STREAM, ['f'], 5)])
    await store.close()
    expect(await seen(await openStore())).toHaveLength(6)
    expect(said).toEqual([expect.stringMatching(/^warn .*lacked its newline/)])
  })

  it('whose newline became another byte stays in the log as event.unreadable', async () => {
    const lines = await filled({ withIndex: false })
    await writeFile(path(), `${lines.join('\n')}\u000b`)
    const store = await openStore()
    expect((await seen(store)).at(-1)).toBe('event.unreadable e')
    expect(await store.append([appendOf(STREAM, ['f'], 5)])).toMatchObject([{ status: 'recorded', version: 6 }])
    expect(await asides()).toEqual([])
  })

  it.each([
    ['a torn line', '{"id":"evt_1","type":"mess', /end without a newline, and no append is acknowledged before/],
    ['zeros', Buffer.alloc(5000), /end without a newline/],
    ['binary junk with newlines', Buffer.from([0x00, 0xff, 0x0a, 0x01, 0x0a]), /are not lines of this log/],
  ])('that is %s is moved aside with the reason', async (_, tail, why) => {
    await filled()
    await appendFile(path(), tail)
    expect(await seen(await openStore())).toHaveLength(5)
    expect(said).toEqual([expect.stringMatching(why)])
    expect(await readFile(path((await asides())[0]))).toEqual(Buffer.from(tail))
  })

  it('never says of bytes that the side index knows as durable that they were not acknowledged', async () => {
    const lines = await filled()
    lines[4] = 'z'.repeat((lines[4] as string).length)
    await writeFile(path(), `${lines.join('\n')}\n`)
    const store = await openStore()
    expect(await seen(store)).toHaveLength(5)
    expect(await asides()).toEqual([])
    expect(said.join('\n')).not.toMatch(/half-written|never acknowledged/)
    await store.append([appendOf(STREAM, ['f'])])
    expect(await seen(store)).toHaveLength(6)
  })

  it('that is missing is said when the side index knows of more', async () => {
    const lines = await filled()
    await writeFile(path(), `${lines.slice(0, 3).join('\n')}\n`)
    expect(await seen(await openStore())).toHaveLength(3)
    expect(said).toEqual([expect.stringMatching(/^error .*were recorded: it was cut or changed from outside/)])
  })

  it('with a damaged last line of a request keeps the whole request', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a', 'b', 'c'])])
    await store.close()
    await rm(path(`${FILE}.index`))
    const lines = (await readFile(path(), 'utf8')).trimEnd().split('\n')
    await writeFile(path(), `${lines[0]}\n${lines[1]}\n#${lines[2]?.slice(1)}\n`)
    expect(await seen(await openStore())).toEqual(['message.received a', 'message.received b', 'event.unreadable c'])
  })
})

describe('a day file of another program', () => {
  const record = { messageId: 'wamid.1', channel: 'whatsapp', direction: 'inbound', from: '+33639980001', text: 'Bonjour', timestamp: 1 }
  it.each([
    ['flat records, a line each', `${JSON.stringify(record)}\n${JSON.stringify(record)}\n`],
    ['one record without a newline', JSON.stringify(record)],
    ['an array on one line', `${JSON.stringify([record, record])}\n`],
    ['an array on one line without a newline', JSON.stringify([record])],
    ['an array over many lines', `${JSON.stringify([record, record], null, 2)}\n`],
    ['an array over many lines without a newline', JSON.stringify([record], null, 2)],
    ['an empty array', '[]\n'],
    ['lines of text', '2026-01-06 10:00 message received\n2026-01-06 10:01 message sent\n'],
  ])('with %s is refused with its name and the remedy, and left as it was', async (_, content) => {
    await writeFile(path(), content)
    const before = await readdir(dir)
    await expect(openStore()).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringMatching(new RegExp(`${FILE.replaceAll('.', '\\.')} .*importLog`)),
    })
    expect(await readFile(path(), 'utf8')).toBe(content)
    expect((await readdir(dir)).filter((name) => name.startsWith('message_events'))).toEqual(before)
    await rm(path())
    await (await openStore()).append([appendOf(STREAM, ['a'])])
  })

  it.each([
    ['behind our lines', 5],
    ['between our lines', 2],
  ])('with records %s is refused and left as it was', async (_, at) => {
    const lines = await filled()
    lines.splice(at, 0, JSON.stringify(record))
    const content = `${lines.join('\n')}\n`
    await writeFile(path(), content)
    await expect(openStore()).rejects.toMatchObject({ code: 'store_corrupt' })
    expect(await readFile(path(), 'utf8')).toBe(content)
    expect(await asides()).toEqual([])
  })
})

it('older array files in the folder are named with the way to bring them in, and left alone', async () => {
  await writeFile(path('message_events_2026-01-05.json'), '[{"text":"Bonjour"}]')
  await openStore()
  expect(said).toEqual([expect.stringMatching(/^warn .*message_events_2026-01-05\.json.*legacyLog/)])
  expect(await readFile(path('message_events_2026-01-05.json'), 'utf8')).toBe('[{"text":"Bonjour"}]')
})

it('a day file of a day to come is said at opening, and new events stay in order behind it', async () => {
  const ahead = await openStore(NOW + 3 * 86_400_000)
  await ahead.append([appendOf(STREAM, ['a'])])
  await ahead.close()
  const store = await openStore()
  expect(said).toEqual([expect.stringMatching(/^warn .*2026-01-09\.jsonl is of a day to come, today is 2026-01-06.*check the clock/)])
  await store.append([appendOf(STREAM, ['b'])])
  const positions = (await collect(store.readAll())).map(({ position }) => position)
  expect(positions).toHaveLength(2)
  expect([...positions].sort()).toEqual(positions)
})
