import { describe, expect, it } from 'vitest'
import { type KeyHash, KeyHasher, newHashSeed } from './key-hash.ts'
import { LogIndex } from './log-index.ts'

/** The low half of an unseeded hash in the manner of FNV-1a, of which keys with one value are found in a moment. */
function unseeded(key: string, from = 0x9747b28c): number {
  let low = from
  for (let index = 0; index < key.length; index += 1) low = (Math.imul(low ^ key.charCodeAt(index), 0x85ebca6b) + 0x27d4eb2f) | 0
  return low
}

/** 2^15 keys with one unseeded hash: 15 pairs of blocks, of which each pair leads from one state to one state. */
function adversarialKeys(): string[] {
  let state = unseeded('email:')
  const pairs: [string, string][] = []
  while (pairs.length < 15) {
    const seen = new Map<number, string>()
    for (let number = 0; ; number += 1) {
      const block = (Math.imul(number, 0x9e3779b1) >>> 0).toString(36).padStart(7, '0')
      const next = unseeded(block, state)
      const other = seen.get(next)
      seen.set(next, block)
      if (other === undefined) continue
      pairs.push([other, block])
      state = next
      break
    }
  }
  return Array.from({ length: 2 ** 15 }, (_, choice) => `email:${pairs.map((pair, bit) => pair[(choice >> bit) & 1]).join('')}`)
}

/** How many slots the index looks at in the worst case, were all these keys in it. */
function longestRun(hashes: readonly KeyHash[]): number {
  const mask = 4 * hashes.length - 1
  const slots = new Set<number>()
  let longest = 0
  for (const [, low] of hashes) {
    let steps = 0
    while (slots.has((low + steps) & mask)) steps += 1
    slots.add((low + steps) & mask)
    longest = Math.max(longest, steps)
  }
  return longest
}

describe('KeyHasher', () => {
  it('spreads keys that were made to fall together, under any seed', () => {
    const keys = adversarialKeys()
    expect(new Set(keys.map((key) => unseeded(key))).size).toBe(1)
    for (const seed of [newHashSeed(), newHashSeed(), [0, 0] as const]) {
      const hasher = new KeyHasher(seed)
      expect(longestRun(keys.map((key) => hasher.hash(key)))).toBeLessThan(100)
    }
  })

  it('lets the index take adversarial keys about as quickly as others', () => {
    const hasher = new KeyHasher(newHashSeed())
    const fill = (keys: readonly string[]) => {
      const index = new LogIndex()
      const startedAt = performance.now()
      for (const [at, key] of keys.entries()) index.add({ file: 0, offset: at, length: 1 }, hasher.hash(key), 'stream', at + 1)
      return performance.now() - startedAt
    }
    const keys = adversarialKeys()
    fill(keys.slice(0, 5000))
    const usual = fill(keys.map((_, at) => `email:<${at}@example.com>`))
    // Unseeded, the adversarial ones took seventy times as long.
    expect(fill(keys)).toBeLessThan(10 * usual + 100)
  })

  it('gives the same hash under the same seed, and another under another', () => {
    const keys = ['', 'a', 'ab', 'abc', 'é', '👩‍👩‍👧', 'a\u0000', 'a\u0000\u0000', '\u0000', 'x'.repeat(500)]
    const [one, same, other] = [new KeyHasher([1, 2]), new KeyHasher([1, 2]), new KeyHasher([1, 3])].map((hasher) =>
      keys.map((key) => hasher.hash(key).join()),
    ) as [string[], string[], string[]]
    expect(same).toEqual(one)
    expect(new Set([...one, ...other]).size).toBe(2 * keys.length)
  })

  it('is HalfSipHash-1-3 with an output of 64 bits, over UTF-16', () => {
    // By the reference of its authors, https://github.com/veorq/SipHash/blob/master/halfsiphash.c with cROUNDS 1 and dROUNDS 3.
    expect(new KeyHasher([0x03020100, 0x07060504]).hash('abcd')).toEqual([1329696750, 968901708])
  })
})
