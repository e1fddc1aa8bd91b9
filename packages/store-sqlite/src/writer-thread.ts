import { once } from 'node:events'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Logger } from '@pipe-comms/core'
import type { Failure, FromWriter, ToWriter } from './writer-protocol.ts'
import type { WriterWorkerData } from './writer-worker.ts'

/** The worker's module lies beside this one and has the same kind: .ts in the sources, .js and .cjs in the builds. */
const EXTENSION = extname(import.meta.filename)
const MODULE = join(import.meta.dirname, `writer-worker${EXTENSION}`)
/** Not the process's own flags: some, such as --input-type, no worker can start with. */
const FLAGS = EXTENSION === '.ts' ? ['--conditions=@pipe-comms/source'] : []

export interface WriterEvents {
  onReply(message: Exclude<FromWriter, 'opened' | { cannotOpen: unknown }>): void
  /** The thread is gone, and what it had not answered with it. The next message starts another one. */
  onGone(failure: Failure): void
}

/**
 * The thread that writes, seen from the main one. The first message starts it: a process that only reads has none. It keeps the
 * process alive only while it is held.
 */
export class WriterThread {
  readonly #data: WriterWorkerData
  readonly #logger: Logger
  #events: WriterEvents | undefined
  #worker: Worker | undefined
  #held = false

  constructor(data: WriterWorkerData, logger: Logger) {
    this.#data = data
    this.#logger = logger
  }

  listen(events: WriterEvents): void {
    this.#events = events
  }

  post(message: ToWriter): void {
    this.#worker ??= this.#start()
    this.#worker.postMessage(message)
  }

  /** Whether the process stays alive for it. */
  hold(held: boolean): void {
    if (this.#held === held) return
    this.#held = held
    if (held) this.#worker?.ref()
    else this.#worker?.unref()
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

  #start(): Worker {
    const worker = new Worker(MODULE, { name: 'pipe-comms writer', workerData: this.#data, execArgv: FLAGS })
    worker.on('message', (message: FromWriter) => {
      if (message === 'opened') return
      if (!('cannotOpen' in message)) return this.#events?.onReply(message)
      this.#forget(worker, message.cannotOpen)
      void worker.terminate()
    })
    worker.on('error', (error) => this.#died(worker, error))
    worker.on('exit', () => this.#died(worker))
    if (!this.#held) worker.unref()
    return worker
  }

  #died(worker: Worker, reason?: unknown): void {
    if (this.#worker !== worker) return
    const { file } = this.#data
    this.#logger.error(`${file}: the writer thread died and is started again by the next write`, { file, reason: String(reason ?? 'exit') })
    this.#forget(worker, { code: 'store_unavailable', message: `${file}: the writer thread died; try again` })
  }

  #forget(worker: Worker, failure: Failure): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#events?.onGone(failure)
  }
}
