import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { asFailure, commitGroup, type WriterInbox } from './group-commit.ts'
import { type LogWriter, openLogWriter } from './log-writer.ts'
import type { FromWriter, ToWriter } from './writer-protocol.ts'

/** How the writer thread is started. */
export interface WriterWorkerData {
  readonly file: string
  readonly synchronous: 'full' | 'normal'
}

if (!parentPort) throw new Error('writer-worker runs as a worker thread')
const port = parentPort
const reply = (message: FromWriter) => port.postMessage(message)

const arrived: ToWriter[] = []
let wake = () => {}
port.on('message', (message: ToWriter) => {
  arrived.push(message)
  wake()
})

/** The next message, when there is one now: what was posted is delivered when the event loop turns. */
async function poll(): Promise<ToWriter | undefined> {
  if (arrived.length === 0) await nextTurn()
  return arrived.shift()
}

async function next(): Promise<ToWriter> {
  while (arrived.length === 0) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  return arrived.shift() as ToWriter
}

async function serve(writer: LogWriter): Promise<void> {
  // Nobody closes while an append waits for its answer, so no `close` comes in the middle of a group.
  const inbox: WriterInbox = { poll: poll as WriterInbox['poll'], next: next as WriterInbox['next'] }
  reply('opened')
  for (let message = await next(); message !== 'close'; message = await next()) await commitGroup(message, writer, inbox, reply)
  writer.close()
  port.close()
}

const { file, synchronous } = workerData as WriterWorkerData
openLogWriter(file, synchronous).then(serve, (error) => reply({ cannotOpen: asFailure(error) }))
