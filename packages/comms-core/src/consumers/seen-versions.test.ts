import fc from 'fast-check'
import { expect, it } from 'vitest'
import { markSeen, type SeenVersions } from './seen-versions.ts'

it('knows what it has seen, in any order, and depends on nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 })), (versions) => {
      const seen: SeenVersions = []
      const reference = new Set<number>()
      for (const version of versions) {
        expect(markSeen(seen, version)).toBe(!reference.has(version))
        reference.add(version)
      }
      const sorted: SeenVersions = []
      for (const version of [...reference].sort((a, b) => a - b)) markSeen(sorted, version)
      expect(seen).toEqual(sorted)
    }),
  )
})

it('needs two numbers for a stream read in order', () => {
  const seen: SeenVersions = []
  for (let version = 1; version <= 1000; version += 1) markSeen(seen, version)
  expect(seen).toEqual([1, 1000])
})
