import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventStore, Logger, RecordedEvent } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openJsonEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'

let dir: string
let said: string[]
let opened: EventStore[]
const logger: Logger = { debug() {}, info() {}, warn: (message) => said.push(message), error: (message) => said.push(message) }

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-identity-'))
  said = []
  opened = []
})
afterEach(async () => {
  for (const store of opened) await store.close()
  await rm(dir, { recursive: true })
})

const openStore = async (name: string) => {
  const store = await openJsonEventStore({ dir: join(dir, name), clock: { now: () => Date.UTC(2026, 0, 6, 12) }, logger })
  opened.push(store)
  return store
}
const positions = async (store: EventStore, after?: string) => {
  const found: string[] = []
  for await (const event of store.readAll(after === undefined ? {} : { after })) found.push((event as RecordedEvent).position)
  return found
}

describe('the identity of a JSON log', () => {
  it('is on the disk before the first position is given out, and begins every position', async () => {
    const store = await openStore('one')
    const { logId } = JSON.parse(await readFile(join(dir, 'one', 'log-identity.json'), 'utf8'))
    await store.append([appendOf(STREAM, ['a', 'b'])])
    for (const position of await positions(store)) expect(position).toMatch(new RegExp(`^${logId}\\.2026-01-06:\\d{12}$`))
  })

  it('stays across reopening, and positions of before are good', async () => {
    let store = await openStore('one')
    await store.append([appendOf(STREAM, ['a', 'b'])])
    const before = await positions(store)
    await store.close()
    store = await openStore('one')
    expect(await positions(store)).toEqual(before)
    expect(await positions(store, before[0])).toEqual([before[1]])
    expect(said).toEqual([])
  })

  it('makes a position of another log position_invalid, with the names of both', async () => {
    const [one, other] = [await openStore('one'), await openStore('other')]
    for (const store of [one, other]) await store.append([appendOf(STREAM, ['a'])])
    const [[mine], [theirs]] = [(await positions(one)) as [string], (await positions(other)) as [string]]
    const [myName, theirName] = [mine, theirs].map((position) => position.split('.')[0])
    await expect(positions(one, theirs)).rejects.toMatchObject({
      code: 'position_invalid',
      message: expect.stringMatching(new RegExp(`which is ${myName}; got "${theirName}\\..*it is of the log ${theirName}`)),
    })
    await expect(positions(one, mine.split('.')[1])).rejects.toMatchObject({ code: 'position_invalid' })
  })

  it('makes a position ahead of a log that was restored from an older copy position_invalid, saying so', async () => {
    const store = await openStore('one')
    await store.append([appendOf(STREAM, ['a'])])
    await store.close()
    const copy = await Promise.all(
      (await readdir(join(dir, 'one'))).map(async (name) => [name, await readFile(join(dir, 'one', name))] as const),
    )
    const later = await openStore('one')
    await later.append([appendOf(STREAM, ['b'])])
    const ahead = (await positions(later))[1] as string
    await later.close()
    for (const name of await readdir(join(dir, 'one'))) await rm(join(dir, 'one', name))
    for (const [name, content] of copy) await writeFile(join(dir, 'one', name), content)
    await expect(positions(await openStore('one'), ahead)).rejects.toMatchObject({
      code: 'position_invalid',
      message: expect.stringContaining('restore of an older copy'),
    })
  })

  it.each([
    ['lost', async (path: string) => rm(path)],
    ['damaged', async (path: string) => writeFile(path, '{"logId":"x')],
    ['of another form', async (path: string) => writeFile(path, '{"logId":"../../x","hashSeed":[1]}')],
  ])('that was %s is a new one, which is said, and all events are found', async (_, damage) => {
    let store = await openStore('one')
    await store.append([appendOf(STREAM, ['a', 'b'])])
    const [old] = await positions(store)
    await store.close()
    await damage(join(dir, 'one', 'log-identity.json'))
    store = await openStore('one')
    expect(said).toEqual([expect.stringMatching(/log-identity\.json was (missing|damaged): the log is \w{8} from now on/)])
    await expect(positions(store, old)).rejects.toMatchObject({ code: 'position_invalid' })
    expect(await store.find('b')).toMatchObject({ idempotencyKey: 'b' })
    expect(await store.append([appendOf(STREAM, ['a'])])).toMatchObject([{ events: [{ repeated: true }] }])
    await store.close()
    said = []
    await openStore('one')
    expect(said).toEqual([])
  })
})
