import { parentPort, workerData } from 'node:worker_threads'
import type { CommsError } from '@pipe-comms/core'
import { type LogWriter, openLogWriter } from './log-writer.ts'
import type { WriteBatch, WriterReply } from './write-batch.ts'

/** How the writer thread is started. */
export interface WriterWorkerData {
  readonly file: string
  readonly synchronous: 'full' | 'normal'
}

const port = parentPort
if (!port) throw new Error('writer-worker runs as a worker thread')

const reply = (message: WriterReply) => port.postMessage(message)
const fail = (error: unknown) => {
  const { code, message } = error as CommsError
  reply({ failure: { code, message } })
}

function serve(writer: LogWriter): void {
  // One batch at a time: the next comes only after the answer.
  port?.on('message', (batch: WriteBatch | 'close') => {
    if (batch === 'close') {
      writer.close()
      port?.close()
      return
    }
    writer.write(batch).then((answers) => reply({ answers }), fail)
  })
  reply('opened')
}

const { file, synchronous } = workerData as WriterWorkerData
openLogWriter(file, synchronous).then(serve, fail)
