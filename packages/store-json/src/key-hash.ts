import { randomBytes } from 'node:crypto'

/** The hash of an idempotency key, by which lines are looked up. */
export type KeyHash = readonly [high: number, low: number]

/** The secret of a log's hashes. Kept with the log, as its side indexes hold hashes. */
export type HashSeed = readonly [number, number]

export function newHashSeed(): HashSeed {
  const bytes = randomBytes(8)
  return [bytes.readInt32LE(0), bytes.readInt32LE(4)]
}

/**
 * Hashes keys with HalfSipHash-1-3 under a secret seed (https://github.com/veorq/SipHash), 64 bits. Senders choose a part of many keys,
 * such as the Message-ID of a mail: without the seed they cannot choose keys that fall into one slot of the index.
 */
export class KeyHasher {
  readonly seed: HashSeed

  constructor(seed: HashSeed) {
    this.seed = seed
  }

  hash(key: string): KeyHash {
    const [k0, k1] = this.seed
    let v0 = k0
    let v1 = k1 ^ 0xee
    let v2 = k0 ^ 0x6c796765
    let v3 = k1 ^ 0x74656462
    const round = () => {
      v0 = (v0 + v1) | 0
      v1 = (v1 << 5) | (v1 >>> 27)
      v1 ^= v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = (v3 << 8) | (v3 >>> 24)
      v3 ^= v2
      v0 = (v0 + v3) | 0
      v3 = (v3 << 7) | (v3 >>> 25)
      v3 ^= v0
      v2 = (v2 + v1) | 0
      v1 = (v1 << 13) | (v1 >>> 19)
      v1 ^= v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    const { length } = key
    const pairs = length & ~1
    for (let at = 0; at < pairs; at += 2) {
      const word = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16)
      v3 ^= word
      round()
      v0 ^= word
    }
    const last = (length << 25) | (pairs < length ? key.charCodeAt(pairs) : 0)
    v3 ^= last
    round()
    v0 ^= last
    v2 ^= 0xee
    round()
    round()
    round()
    const high = v1 ^ v3
    v1 ^= 0xdd
    round()
    round()
    round()
    return [high | 0, (v1 ^ v3) | 0]
  }
}
