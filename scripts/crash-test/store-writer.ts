// Run by stores.ts and killed by it: appends at full speed and prints the key of each event that was acknowledged.
import { writeSync } from 'node:fs'
import { aMessage } from '@pipe-comms/core/conformance'
import { openStore, type Subject } from './subjects.ts'

const [subject, path = '', round] = process.argv.slice(2)
const store = await openStore(subject as Subject, path)
const AT_ONCE = 20

/** In requests of one to three events, so that a kill may fall into the middle of one. */
async function writeOn(writer: number): Promise<void> {
  for (let turn = 0; ; turn += 1) {
    const keys = Array.from({ length: 1 + ((writer + turn) % 3) }, (_, part) => `r${round}-w${writer}-t${turn}-p${part}`)
    await store.append([
      { streamId: `whatsapp:+3363998000${writer % 10}`, events: keys.map((key) => aMessage(key, 'x'.repeat(100 + (turn % 700)))) },
    ])
    // Synchronous: what was printed was acknowledged, and what was acknowledged is printed before the next append.
    print(`${keys.join(' ')}\n`)
  }
}

/** A pipe whose reader is busy takes nothing or a part: what was acknowledged must be printed all the same. */
function print(text: string): void {
  const bytes = Buffer.from(text)
  for (let printed = 0; printed < bytes.length; ) {
    try {
      printed += writeSync(1, bytes, printed)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, (_, writer) => writeOn(writer)))
