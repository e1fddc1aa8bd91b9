import { describe, expect, it } from 'vitest'
import { KeyHasher } from './key-hash.ts'
import { LogIndex } from './log-index.ts'

const hasher = new KeyHasher([1, 2])
const hashOf = (key: string) => hasher.hash(key)
const KEYS = Array.from({ length: 5000 }, (_, index) => `key-${index}`)

function filled(count: number, index = new LogIndex()): LogIndex {
  for (let entry = index.count; entry < count; entry += 1) {
    const place = { file: 0, offset: 100 * entry, length: 99 }
    index.add(place, hashOf(KEYS[entry] as string), `stream-${entry % 7}`, Math.floor(entry / 7) + 1)
  }
  return index
}

const answersOf = async (index: LogIndex) => ({
  count: index.count,
  candidates: KEYS.map((key) => index.candidates(hashOf(key))),
  streams: Array.from({ length: 7 }, (_, stream) => [index.versionOf(`stream-${stream}`), index.placesOf(`stream-${stream}`, 1)]),
  entries: await index.entriesOf(0),
})

describe('LogIndex', () => {
  it.each([
    ['a few lines', 20],
    ['so many that its tables had grown', 3000],
  ])('forgets %s as if they had never been added', async (_, more) => {
    const index = filled(900)
    filled(900 + more, index)
    index.forgetAfter(900)
    expect(await answersOf(index)).toEqual(await answersOf(filled(900)))
    expect(await answersOf(filled(900 + more, index))).toEqual(await answersOf(filled(900 + more)))
  })

  it('forgets a stream that began behind the mark', () => {
    const index = filled(3)
    filled(6, index)
    index.forgetAfter(3)
    expect(index.versionOf('stream-4')).toBe(0)
    expect(index.placesOf('stream-4', 1)).toEqual([])
  })

  it('gives the entries of a day as they were when the next day began, whatever is added meanwhile', async () => {
    const add = (index: LogIndex, file: number, from: number, to: number) => {
      for (let entry = from; entry < to; entry += 1)
        index.add({ file, offset: 100 * entry, length: 99 }, hashOf(`key-${entry}`), `stream-${entry % 7}`, Math.floor(entry / 7) + 1)
    }
    const [index, alone] = [new LogIndex(), new LogIndex()]
    for (const one of [index, alone]) add(one, 0, 0, 70_000)
    const entries = index.entriesOf(0)
    for (let turn = 0; turn < 5; turn += 1) {
      add(index, 1, 70_000 + 20_000 * turn, 90_000 + 20_000 * turn)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await entries).toEqual(await alone.entriesOf(0))
  })
})
