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

const answersOf = (index: LogIndex) => ({
  count: index.count,
  candidates: KEYS.map((key) => index.candidates(hashOf(key))),
  streams: Array.from({ length: 7 }, (_, stream) => [index.versionOf(`stream-${stream}`), index.placesOf(`stream-${stream}`, 1)]),
  entries: index.entriesOf(0),
})

describe('LogIndex', () => {
  it.each([
    ['a few lines', 20],
    ['so many that its tables had grown', 3000],
  ])('forgets %s as if they had never been added', (_, more) => {
    const index = filled(900)
    filled(900 + more, index)
    index.forgetAfter(900)
    expect(answersOf(index)).toEqual(answersOf(filled(900)))
    expect(answersOf(filled(900 + more, index))).toEqual(answersOf(filled(900 + more)))
  })

  it('forgets a stream that began behind the mark', () => {
    const index = filled(3)
    filled(6, index)
    index.forgetAfter(3)
    expect(index.versionOf('stream-4')).toBe(0)
    expect(index.placesOf('stream-4', 1)).toEqual([])
  })
})
