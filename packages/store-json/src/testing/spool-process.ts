// A process with a file spool that kills itself at a step of its work: node spool-process.ts <put|drain> <spool> <log> <step>
import { writeSync } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { memoryEventStore } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'

const [mode, dir = '', log = '', step = 'never'] = process.argv.slice(2)
let left = Number(step)

/** SIGKILL before the step-th operation on the spool; a write is killed when half of it is done. */
async function atStep(half?: () => Promise<unknown>): Promise<void> {
  left -= 1
  if (left !== 0) return
  await half?.()
  process.kill(process.pid, 'SIGKILL')
  await new Promise(() => undefined)
}

function stepping(handle: FileHandle): FileHandle {
  for (const name of ['sync', 'datasync', 'close', 'readFile'] as const) {
    const original = handle[name].bind(handle) as (...given: unknown[]) => Promise<unknown>
    Object.assign(handle, { [name]: async (...given: unknown[]) => atStep().then(() => original(...given)) })
  }
  const write = handle.writeFile.bind(handle)
  handle.writeFile = async (data, ...rest) => {
    const bytes = Buffer.from(data as Uint8Array)
    await atStep(() => write(bytes.subarray(0, bytes.length / 2)))
    return write(data, ...rest)
  }
  return handle
}

const functions = fs as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>
for (const name of ['mkdir', 'open', 'writeFile', 'rename', 'rm', 'rmdir', 'link', 'readdir', 'readFile', 'stat']) {
  const original = functions[name] as (...given: unknown[]) => Promise<unknown>
  functions[name] = async (...given) => {
    if (!String(given[0]).startsWith(dir)) return original(...given)
    await atStep()
    const answer = await original(...given)
    return name === 'open' ? stepping(answer as FileHandle) : answer
  }
}
syncBuiltinESMExports()

const { openFileSpool, openJsonEventStore } = await import('../index.ts')
const say = (word: string) => writeSync(1, `${word}\n`)
const spool = await openFileSpool({ dir })

if (mode === 'put') {
  for (let index = 0; index < 2; index += 1) {
    await spool.put([appendOf('whatsapp:+33639980001', [`k${index}`])])
    say(`k${index}`)
  }
} else {
  const store = log === 'memory' ? memoryEventStore() : await openJsonEventStore({ dir: log })
  await spool.drain(store, { signal: new AbortController().signal })
  for await (const { idempotencyKey } of store.readAll()) say(idempotencyKey)
}
// No goodbye: the lock stays, as after a crash.
process.kill(process.pid, 'SIGTERM')
