import { once } from 'node:events'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { CommsError, type Logger } from '@pipe-comms/core'
import type { WriteAnswer, WriteBatch, WriterReply } from './write-batch.ts'
import type { WriterWorkerData } from './writer-worker.ts'

/** The worker's module lies beside this one and has the same kind: .ts in the sources, .js and .cjs in the builds. */
const EXTENSION = extname(import.meta.filename)
const MODULE = join(import.meta.dirname, `writer-worker${EXTENSION}`)
/** Not the process's own flags: some, such as --input-type, no worker can start with. */
const FLAGS = EXTENSION === '.ts' ? ['--conditions=@pipe-comms/source'] : []

interface Awaited {
  readonly resolve: (reply: WriterReply) => void
  readonly reject: (error: CommsError) => void
}

/**
 * The thread that writes, seen from the main one. The first write starts it: a process that only reads has none. It keeps the process
 * alive only while a write is under way. One that died is started again by the next write.
 */
export class WriterThread {
  readonly #data: WriterWorkerData
  readonly #logger: Logger
  #worker: Worker | undefined
  #awaited: Awaited | undefined

  constructor(data: WriterWorkerData, logger: Logger) {
    this.#data = data
    this.#logger = logger
  }

  /** One batch at a time. @throws CommsError `store_unavailable`, `store_corrupt`, `event_invalid`. */
  async write(batch: WriteBatch): Promise<readonly WriteAnswer[]> {
    const worker = this.#worker ?? (await this.#start())
    worker.postMessage(batch)
    const reply = await this.#reply()
    return reply === 'opened' || 'failure' in reply ? [] : reply.answers
  }

  async close(): Promise<void> {
    const worker = this.#worker
    if (!worker) return
    this.#worker = undefined
    worker.ref()
    const exit = once(worker, 'exit')
    worker.postMessage('close')
    await exit
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(MODULE, { name: 'pipe-comms writer', workerData: this.#data, execArgv: FLAGS })
    worker.on('message', (reply: WriterReply) => this.#awaited?.resolve(reply))
    worker.on('error', (error) => this.#died(worker, error))
    worker.on('exit', () => this.#died(worker))
    this.#worker = worker
    try {
      await this.#reply()
      return worker
    } catch (error) {
      this.#worker = undefined
      await worker.terminate()
      throw error
    }
  }

  async #reply(): Promise<WriterReply> {
    this.#worker?.ref()
    try {
      const reply = await new Promise<WriterReply>((resolve, reject) => {
        this.#awaited = { resolve, reject }
      })
      if (reply !== 'opened' && 'failure' in reply) throw new CommsError(reply.failure.code, reply.failure.message)
      return reply
    } finally {
      this.#awaited = undefined
      this.#worker?.unref()
    }
  }

  #died(worker: Worker, cause?: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const { file } = this.#data
    this.#logger.error(`${file}: the writer thread died and is started again by the next write`, { file, reason: String(cause ?? 'exit') })
    this.#awaited?.reject(new CommsError('store_unavailable', `${file}: the writer thread died; try again`, { cause }))
  }
}
