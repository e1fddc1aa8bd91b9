import { type AppendRequest, type AppendResult, type CommsError, type EventStore, isCommsError, type Logger } from '@pipe-comms/core'
import type { SpooledPut } from './spool-file.ts'
import type { SpoolFile, SpoolFolder } from './spool-folder.ts'

/** What became of the files of one folder. */
export interface FolderDrain {
  readonly recorded: number
  readonly setAside: readonly string[]
  /** The store is away; the files behind this one were not tried. */
  readonly unavailable?: CommsError
}

export interface FolderDrainOptions {
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly maxTries: number
  /** How often a put was refused for its content, by file and line. Kept from one drain to the next. */
  readonly tries: Map<string, number>
}

/** As many as the event cache writes at once. */
const PUTS_AT_ONCE = 100
const BYTES_AT_ONCE = 4_194_304

/**
 * Appends the puts of a folder in their order, and forgets a file only when all of it is durable in the store. A put that the store
 * refuses for its content blocks no other: it is tried again in the next drains, then its file is set aside.
 */
export async function drainFolder(folder: SpoolFolder, store: EventStore, options: FolderDrainOptions): Promise<FolderDrain> {
  const drain = new Drain(folder, store, options)
  while (!drain.unavailable) {
    options.signal.throwIfAborted()
    const files = drain.nextFiles()
    if (files.length === 0) break
    await drain.files(files)
  }
  const { recorded, setAside, unavailable } = drain
  return { recorded, setAside, ...(unavailable ? { unavailable } : {}) }
}

interface ReadFile {
  readonly file: SpoolFile
  readonly puts: readonly SpooledPut[]
}

class Drain {
  readonly #folder: SpoolFolder
  readonly #store: EventStore
  readonly #options: FolderDrainOptions
  recorded = 0
  readonly setAside: string[] = []
  unavailable: CommsError | undefined
  /** Files that wait for the next drain. */
  readonly #later = new Set<string>()

  constructor(folder: SpoolFolder, store: EventStore, options: FolderDrainOptions) {
    this.#folder = folder
    this.#store = store
    this.#options = options
  }

  nextFiles(): SpoolFile[] {
    const next: SpoolFile[] = []
    let [puts, bytes] = [0, 0]
    for (const file of this.#folder.files) {
      if (this.#later.has(file.name)) continue
      puts += file.puts
      bytes += file.bytes
      if (next.length > 0 && (puts > PUTS_AT_ONCE || bytes > BYTES_AT_ONCE)) break
      next.push(file)
    }
    return next
  }

  async files(files: readonly SpoolFile[]): Promise<void> {
    const read: ReadFile[] = []
    for (const file of files) {
      const puts = await this.#read(file)
      if (puts) read.push({ file, puts })
    }
    const requests = read.flatMap(({ puts }) => puts.flatMap(requestsOf))
    if (await this.#append(requests)) {
      for (const { file, puts } of read) await this.#finish(file, puts.flatMap(damageOf))
    } else if (!this.unavailable) {
      for (const one of read) await this.#putByPut(one)
    }
  }

  /** Finds the put that the store refuses. */
  async #putByPut({ file, puts }: ReadFile): Promise<void> {
    const reasons = puts.flatMap(damageOf)
    let isLater = false
    for (const [line, put] of puts.entries()) {
      if (this.unavailable) return
      let refusal: unknown
      const wasAppended = await this.#append(requestsOf(put), (error) => {
        refusal = error
      })
      if (wasAppended || this.unavailable) continue
      if (this.#isLastTry(`${file.name} ${line}`)) reasons.push(`refused by the store: ${textOf(refusal)}`)
      else isLater = true
    }
    if (this.unavailable) return
    if (isLater) this.#later.add(file.name)
    else await this.#finish(file, reasons)
  }

  /** Whether the store took them. Not when it is away, which `unavailable` then says, nor when it refuses them. */
  async #append(requests: readonly AppendRequest[], onRefused?: (error: unknown) => void): Promise<boolean> {
    if (requests.length === 0) return true
    try {
      this.recorded += newEvents(await this.#store.append(requests))
      return true
    } catch (error) {
      if (isCommsError(error) && error.code.startsWith('store_')) this.unavailable = error
      else onRefused?.(error)
      return false
    }
  }

  /** Nothing for a file that is gone, or that cannot be read now. */
  async #read(file: SpoolFile): Promise<SpooledPut[] | undefined> {
    try {
      const puts = await this.#folder.read(file)
      if (!puts) await this.#folder.remove(file)
      return puts
    } catch (error) {
      if (this.#isLastTry(file.name)) await this.#finish(file, [`cannot be read: ${textOf(error)}`])
      else this.#later.add(file.name)
      return undefined
    }
  }

  async #finish(file: SpoolFile, reasons: readonly string[]): Promise<void> {
    const folder = this.#folder
    const { logger } = this.#options
    try {
      if (reasons.length === 0) return await folder.remove(file)
      const where = await folder.setAside(file)
      this.setAside.push(where)
      logger.error(`Spool: ${file.name} of ${folder.dir} is set aside as ${where}`, { reason: reasons.join('; ') })
    } catch (error) {
      this.#later.add(file.name)
      logger.error(`Spool: ${file.name} cannot be moved or removed; it stays in ${folder.dir}`, { reason: textOf(error) })
    }
  }

  #isLastTry(what: string): boolean {
    const { tries, maxTries } = this.#options
    const key = `${this.#folder.dir} ${what}`
    const count = (tries.get(key) ?? 0) + 1
    if (count >= maxTries) tries.delete(key)
    else tries.set(key, count)
    return count >= maxTries
  }
}

function requestsOf(put: SpooledPut): readonly AppendRequest[] {
  return 'requests' in put ? put.requests : []
}

function damageOf(put: SpooledPut): string[] {
  return 'damage' in put ? [put.damage] : []
}

function newEvents(results: readonly AppendResult[]): number {
  return results.reduce(
    (sum, result) => sum + (result.status === 'recorded' ? result.events.filter(({ repeated }) => !repeated).length : 0),
    0,
  )
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
