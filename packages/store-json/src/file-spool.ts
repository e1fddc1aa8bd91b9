import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  type AppendRequest,
  CommsError,
  type DrainReport,
  type EventStore,
  isCommsError,
  type Logger,
  type Spool,
  silentLogger,
} from '@pipe-comms/core'
import { writeWhole } from './atomic-file.ts'
import { diskError } from './disk-error.ts'

export interface FileSpoolOptions {
  /** The folder of the waiting requests; made when it is missing. Not on the disk whose failure it is meant for. */
  readonly dir: string
  /** Most bytes that may wait; beyond that `put` is refused, so that the disk stays usable. @default 1073741824 (1 GiB: about a million events) */
  readonly maxBytes?: number
  /** How often a file that the store refuses for its content is tried before it is set aside. @default 3 */
  readonly maxTries?: number
  /** Told of files that are set aside. @default silent */
  readonly logger?: Logger
}

const DEFAULT_MAX_BYTES = 1_073_741_824
const DEFAULT_MAX_TRIES = 3
const NAME = /^spool-(\d{15})\.json$/
const POISON = 'set-aside'

/**
 * The durable waiting room of ingest in a folder: one file for each `put`, named in the order they came. For one process.
 * @example
 * const spool = await openFileSpool({ dir: './logs/spool' })
 * @throws CommsError `store_unavailable` when the folder cannot be read.
 */
export async function openFileSpool(options: FileSpoolOptions): Promise<Spool> {
  const dir = resolve(options.dir)
  try {
    await mkdir(dir, { recursive: true })
    const names = await namesIn(dir)
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).size))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    return new FileSpool(dir, names, bytes, options)
  } catch (cause) {
    throw diskError(`Cannot open the spool in ${dir}`, cause)
  }
}

class FileSpool implements Spool {
  readonly #dir: string
  readonly #maxBytes: number
  readonly #maxTries: number
  readonly #logger: Logger
  readonly #tries = new Map<string, number>()
  #names: string[]
  #bytes: number
  #next: number

  constructor(dir: string, names: string[], bytes: number, options: FileSpoolOptions) {
    this.#dir = dir
    this.#names = names
    this.#bytes = bytes
    this.#next = Number(NAME.exec(names.at(-1) ?? '')?.[1] ?? 0) + 1
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#maxTries = options.maxTries ?? DEFAULT_MAX_TRIES
    this.#logger = options.logger ?? silentLogger
  }

  async put(requests: readonly AppendRequest[]): Promise<void> {
    const text = JSON.stringify(requests)
    const size = Buffer.byteLength(text)
    if (this.#bytes + size > this.#maxBytes) {
      throw new CommsError('store_overloaded', `${this.#dir}: ${this.#bytes} bytes wait, the limit is ${this.#maxBytes}`)
    }
    const name = `spool-${String(this.#next++).padStart(15, '0')}.json`
    this.#bytes += size
    try {
      await writeWhole(join(this.#dir, name), text)
    } catch (cause) {
      this.#bytes -= size
      throw diskError(`Cannot write ${join(this.#dir, name)}`, cause)
    }
    this.#names.push(name)
  }

  async drain(store: EventStore, { signal }: { signal: AbortSignal }): Promise<DrainReport> {
    let recorded = 0
    const setAside: string[] = []
    for (const name of [...this.#names].sort()) {
      signal.throwIfAborted()
      const path = join(this.#dir, name)
      try {
        const requests = await readRequests(path)
        const results = await store.append(requests)
        for (const result of results) if (result.status === 'recorded') recorded += result.events.filter(({ repeated }) => !repeated).length
      } catch (error) {
        // Away: the others would fare no better, and their order is kept by waiting.
        if (isCommsError(error) && error.code.startsWith('store_'))
          return { recorded, left: this.#names.length, setAside, unavailable: error }
        const tries = (this.#tries.get(name) ?? 0) + 1
        this.#tries.set(name, tries)
        if (tries >= this.#maxTries) setAside.push(await this.#setAside(name, error))
        continue
      }
      this.#bytes -= (await stat(path)).size
      await rm(path)
      this.#forget(name)
    }
    return { recorded, left: this.#names.length, setAside }
  }

  async size(): Promise<number> {
    return this.#names.length
  }

  async #setAside(name: string, error: unknown): Promise<string> {
    const aside = join(this.#dir, POISON, name)
    await mkdir(join(this.#dir, POISON), { recursive: true })
    this.#bytes -= (await stat(join(this.#dir, name))).size
    await rename(join(this.#dir, name), aside)
    this.#forget(name)
    this.#logger.error(`${name} was refused ${this.#maxTries} times and set aside in ${aside}`, { reason: String(error) })
    return aside
  }

  #forget(name: string): void {
    this.#names = this.#names.filter((other) => other !== name)
    this.#tries.delete(name)
  }
}

async function namesIn(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => NAME.test(name)).sort()
}

async function readRequests(path: string): Promise<AppendRequest[]> {
  const requests = JSON.parse(await readFile(path, 'utf8')) as AppendRequest[]
  if (!Array.isArray(requests)) throw new CommsError('event_invalid', `${path} does not hold append requests`)
  return requests
}
