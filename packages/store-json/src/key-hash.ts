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
    const { length } = key
    const last = length >> 1
    let high = 0
    // One loop for all rounds, so that the round is written once without a call for each.
    for (let step = 0; step <= last + 6; step += 1) {
      let word = 0
      if (step < last) word = key.charCodeAt(2 * step) | (key.charCodeAt(2 * step + 1) << 16)
      else if (step === last) word = (length << 25) | (length & 1 ? key.charCodeAt(length - 1) : 0)
      else if (step === last + 1) v2 ^= 0xee
      else if (step === last + 4) {
        high = v1 ^ v3
        v1 ^= 0xdd
      }
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    return [high, v1 ^ v3]
  }
}
