import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { PARSE_HEAP_MB, PARSE_TIME_MS } from './mail-limits.ts'
import type { FromMailThread, ToMailThread } from './mail-protocol.ts'

/** The worker's module lies beside this one and has the same kind: .ts in the sources, .js and .cjs in the builds. */
const EXTENSION = extname(import.meta.filename)
const MODULE = join(import.meta.dirname, `mail-worker${EXTENSION}`)
/** Not the process's own flags: some, such as --input-type, no worker can start with. */
const FLAGS = EXTENSION === '.ts' ? ['--conditions=@pipe-comms/source'] : []

type Answer = Exclude<FromMailThread, 'ready'>

interface Job {
  readonly message: ToMailThread
  resolve(answer: Answer): void
}

export interface MailThreadOptions {
  /** Milliseconds for one job. @default 10000 */
  readonly timeMs?: number
  /** Megabytes of JavaScript heap. @default 256 */
  readonly heapMb?: number
}

/**
 * The thread that parses mail, one at a time, so that no mail holds up the event loop. The first job starts it, and it keeps the process
 * alive only while it works. A job that takes too long, or too much memory, ends the thread; the next job starts another one.
 */
export class MailThread {
  readonly #timeMs: number
  readonly #heapMb: number
  readonly #waiting: Job[] = []
  #worker: Worker | undefined
  #ready = false
  #current: Job | undefined
  #timer: NodeJS.Timeout | undefined

  constructor({ timeMs = PARSE_TIME_MS, heapMb = PARSE_HEAP_MB }: MailThreadOptions = {}) {
    this.#timeMs = timeMs
    this.#heapMb = heapMb
  }

  /** Never rejects: a job that ends the thread is answered `unreadable`, with the reason. */
  run(message: ToMailThread): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push({ message, resolve })
      this.#next()
    })
  }

  #next(): void {
    if (this.#current) return
    if (this.#waiting.length === 0) {
      this.#worker?.unref()
      return
    }
    this.#worker ??= this.#start()
    this.#worker.ref()
    if (!this.#ready) return
    const job = this.#waiting.shift() as Job
    this.#current = job
    this.#worker.postMessage(job.message, 'mail' in job.message ? [job.message.mail.buffer] : [])
    this.#timer = setTimeout(() => this.#timeIsOver(job), this.#timeMs)
  }

  #start(): Worker {
    const worker = new Worker(MODULE, {
      name: 'pipe-comms mail parser',
      execArgv: FLAGS,
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMb },
    })
    worker.on('message', (message: FromMailThread) => {
      if (worker !== this.#worker) return
      if (message === 'ready') this.#ready = true
      else this.#settle(message)
      this.#next()
    })
    // An error is followed by the exit.
    let reason = 'it ended'
    worker.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? `it needed more than ${this.#heapMb} MB` : String(error.message)
    })
    worker.on('exit', () => this.#lost(worker, `SMTP: the parser of mail stopped (${reason})`))
    return worker
  }

  #timeIsOver(job: Job): void {
    // When this process was busy itself, the answer may be there already: it is delivered before this.
    setImmediate(() => {
      if (this.#current !== job || !this.#worker) return
      const worker = this.#worker
      this.#lost(worker, `SMTP: expected a mail that is read within ${this.#timeMs} ms, got one that takes longer`)
      void worker.terminate()
    })
  }

  /** The thread is gone, and the job it worked on with it; one that cannot even start fails the first that waits, so that none waits for ever. */
  #lost(worker: Worker, unreadable: string): void {
    if (worker !== this.#worker) return
    this.#worker = undefined
    if (!this.#ready) this.#current = this.#waiting.shift()
    this.#ready = false
    this.#settle({ unreadable })
    this.#next()
  }

  #settle(answer: Answer): void {
    clearTimeout(this.#timer)
    const job = this.#current
    this.#current = undefined
    job?.resolve(answer)
  }
}

/** The one of this process. */
export const mailThread = new MailThread()
