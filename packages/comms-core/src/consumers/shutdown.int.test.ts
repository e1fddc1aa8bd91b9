import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

/** A program that closes its log before it stops its consumer, as one that ends on SIGTERM may well do. */
const PROGRAM = `
import { createComms, eventCache, memoryCheckpointStore, memoryEventStore, runConsumer } from '${new URL('../index.ts', import.meta.url)}'
const cache = eventCache({ store: memoryEventStore() })
const comms = createComms({ store: cache })
const ended = new AbortController()
const consumer = runConsumer({
  id: 'notes',
  store: cache,
  checkpoints: memoryCheckpointStore(),
  handle: () => {},
  ...(process.argv[1] === 'tail' ? { wakeUp: async (waiting) => { for await (const _ of cache.tail(waiting)) return } } : {}),
})
const tail = (async () => { for await (const _ of cache.tail({ signal: ended.signal })) {} })()
await comms.conversations()
process.once('SIGTERM', async () => {
  clearInterval(alive)
  const reading = comms.conversations().catch(() => {})
  await comms.close()
  // Time for a rejection that nothing handles to end the process.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await consumer.stop()
  await tail
  await reading
  console.log(consumer.state().status)
})
const alive = setInterval(() => {}, 1000)
console.log('ready')
`

it.each(['tail', 'poll'])('a process that closes its log before its consumer (woken by %s) ends cleanly on SIGTERM', async (wakeUp) => {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', PROGRAM, wakeUp], { stdio: 'pipe' })
  let output = ''
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  child.stdout.on('data', (chunk) => {
    output += chunk
    if (String(chunk).includes('ready')) child.kill('SIGTERM')
  })
  const [code] = await once(child, 'exit')
  expect({ code, output, errors }).toEqual({ code: 0, output: 'ready\nstopped\n', errors: '' })
})
