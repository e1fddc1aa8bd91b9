import { resolve } from 'node:path'
import { type AppendRequest, CommsError, type DrainReport, type EventStore, type Logger, type Spool, silentLogger } from '@pipe-comms/core'
import { diskError } from './disk-error.ts'
import { drainFolder, type FolderDrainOptions } from './drain-folder.ts'
import { createPrivateFolder } from './private-file.ts'
import { encodePut } from './spool-file.ts'
import { amountOf, type SpoolAmount } from './spool-folder.ts'
import { createInstanceFolder, type FoundFolder, findFolders, type HeldFolder, releaseFolder, takeFolder } from './spool-folders.ts'

export interface FileSpoolOptions {
  /**
   * The folder of the waiting requests; made when it is missing. Instances on one machine may share it. Not on the disk whose failure
   * it is meant for.
   */
  readonly dir: string
  /** Most bytes that may wait; beyond that `put` is refused, so that the disk stays usable. @default 1073741824 (1 GiB: about a million events) */
  readonly maxBytes?: number
  /** Most puts that may wait. @default 1000000 */
  readonly maxWaiting?: number
  /** How often a put that the store refuses for its content is tried before its file is set aside. @default 3 */
  readonly maxTries?: number
  /** Logs files that are set aside, and folders that are taken over. @default silent */
  readonly logger?: Logger
}

/** A {@link Spool} in files, see {@link openFileSpool}. */
export interface FileSpool extends Spool {
  close(): Promise<void>
}

const DEFAULT_MAX_BYTES = 1_073_741_824
const DEFAULT_MAX_WAITING = 1_000_000
const DEFAULT_MAX_TRIES = 3
/** What waits while a file is written goes together into the next one, up to these. */
const PUTS_A_FILE = 100
const BYTES_A_FILE = 1_048_576
const MOST_QUEUED_BYTES = 67_108_864
/** Another instance that drains an earlier folder and gets no further for this long is waited for no longer. */
const STUCK_MS = 60_000

/**
 * The durable waiting room of ingest in a folder that several instances may share. Each instance writes into a folder of its own there,
 * locked while it lives. A folder whose owner is dead is taken over by one other instance, at its start or later, and drained; so are the
 * files that releases before 0.1 left beside the folders.
 *
 * What earlier instances left when this one was opened goes into the log before what this one keeps.
 * @example
 * const spool = await openFileSpool({ dir: './logs/spool' })
 * @throws CommsError `store_unavailable` when the folder cannot be read, `configuration_invalid`.
 */
export async function openFileSpool(options: FileSpoolOptions): Promise<FileSpool> {
  checkOptions(options)
  const root = resolve(options.dir)
  try {
    await createPrivateFolder(root)
    const found = (await findFolders(root)).filter(({ state, files }) => state !== 'own' && files.length > 0)
    return new InstanceSpool(root, found, options)
  } catch (cause) {
    throw diskError(`Cannot open the spool in ${root}`, cause)
  }
}

function checkOptions(options: FileSpoolOptions): void {
  if (typeof options?.dir !== 'string' || options.dir === '') {
    throw new CommsError('configuration_invalid', 'openFileSpool: dir: expected the path of a folder')
  }
  for (const name of ['maxBytes', 'maxWaiting', 'maxTries'] as const) {
    const value = options[name]
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue
    throw new CommsError('configuration_invalid', `openFileSpool: ${name}: expected a whole number from 1, got ${value}`)
  }
}

interface WaitingPut {
  readonly line: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

class InstanceSpool implements FileSpool {
  readonly #root: string
  readonly #maxBytes: number
  readonly #maxWaiting: number
  readonly #draining: Omit<FolderDrainOptions, 'signal'>
  /** Folders that earlier instances left, found when this one was opened. They come before its own. */
  readonly #ahead = new Map<string, SpoolAmount>()
  /** Folders taken over, drained in part. */
  readonly #taken = new Map<string, HeldFolder>()
  /** Since when another instance has been draining a folder without getting further. */
  readonly #stalled = new Map<string, { files: number; since: number }>()
  #own: HeldFolder | undefined
  #queue: WaitingPut[] = []
  #queuedBytes = 0
  /** Puts that are queued or being written. */
  #queued = 0
  #writing: Promise<void> | undefined
  #isClosed = false

  constructor(root: string, found: readonly FoundFolder[], options: FileSpoolOptions) {
    this.#root = root
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING
    this.#draining = { logger: options.logger ?? silentLogger, maxTries: options.maxTries ?? DEFAULT_MAX_TRIES, tries: new Map() }
    for (const { dir, files } of found) this.#ahead.set(dir, amountOf(files))
  }

  put(requests: readonly AppendRequest[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new CommsError('store_closed', `The spool in ${this.#root} was closed`)
      const line = encodePut(requests)
      const { puts, bytes } = this.#amount()
      if (bytes + line.length > this.#maxBytes) {
        throw new CommsError('store_overloaded', `${this.#root}: ${bytes} bytes wait, the limit is ${this.#maxBytes}`)
      }
      // The disk does not keep up: memory stays bounded.
      if (this.#queuedBytes + line.length > MOST_QUEUED_BYTES && this.#queued > 0) {
        throw new CommsError('store_overloaded', `${this.#root}: ${this.#queuedBytes} bytes wait for the disk`, { retryAfterMs: 1000 })
      }
      if (puts >= this.#maxWaiting) throw new CommsError('store_overloaded', `${this.#root}: ${puts} puts wait, which is the limit`)
      this.#queue.push({ line, resolve, reject })
      this.#queued += 1
      this.#queuedBytes += line.length
      this.#writing ??= this.#writeQueue()
    })
  }

  async drain(store: EventStore, { signal }: { signal: AbortSignal }): Promise<DrainReport> {
    let recorded = 0
    const setAside: string[] = []
    const empty = async (held: HeldFolder) => {
      const drained = await drainFolder(held.folder, store, { ...this.#draining, signal })
      recorded += drained.recorded
      setAside.push(...drained.setAside)
      return drained.unavailable
    }
    const report = (unavailable?: CommsError): DrainReport => ({
      recorded,
      left: this.#left(),
      setAside,
      ...(unavailable ? { unavailable } : {}),
    })

    const passed = new Set<string>()
    const leftovers = await this.#leftovers()
    for (const found of leftovers) {
      signal.throwIfAborted()
      const held = await this.#take(found)
      if (!held) {
        // Another instance drains it. What was put later waits, so that the order of arrival is kept.
        if (!this.#isStuck(found)) break
        passed.add(found.dir)
        continue
      }
      const unavailable = await empty(held)
      await this.#letGo(held)
      if (unavailable) return report(unavailable)
      passed.add(found.dir)
    }
    const isOrdered = leftovers.every(({ dir }) => passed.has(dir) || !this.#ahead.has(dir))
    if (this.#own && isOrdered) return report(await empty(this.#own))
    return report()
  }

  async size(): Promise<number> {
    return this.#amount().puts
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    for (const held of this.#taken.values()) await releaseFolder(this.#root, held)
    this.#taken.clear()
    if (this.#own) await releaseFolder(this.#root, this.#own)
    this.#own = undefined
  }

  /** Begins in the turn of the first put, so that puts get into the files in the order of their calls. */
  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch()
      let error: unknown
      try {
        this.#own ??= await createInstanceFolder(this.#root)
        await this.#own.folder.write(batch.map(({ line }) => line))
      } catch (cause) {
        error = diskError(`Cannot write into ${this.#own?.folder.dir ?? this.#root}`, cause)
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') await this.#forgetOwn()
      }
      this.#queued -= batch.length
      for (const { line, resolve, reject } of batch) {
        this.#queuedBytes -= line.length
        if (error) reject(error)
        else resolve()
      }
    }
    this.#writing = undefined
  }

  #nextBatch(): WaitingPut[] {
    let bytes = 0
    let count = 0
    for (const { line } of this.#queue) {
      bytes += line.length
      if (count > 0 && (count >= PUTS_A_FILE || bytes > BYTES_A_FILE)) break
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  /** Someone removed the folder: the next put makes another one. */
  async #forgetOwn(): Promise<void> {
    await this.#own?.lock.release().catch(() => undefined)
    this.#own = undefined
  }

  /** What other instances left, and what is known of it from now on. */
  async #leftovers(): Promise<FoundFolder[]> {
    const found = (await findFolders(this.#root)).filter(
      ({ dir, state }) => dir !== this.#own?.folder.dir && state !== 'own' && state !== 'new',
    )
    const byDir = new Map(found.map((folder) => [folder.dir, folder]))
    for (const dir of this.#ahead.keys()) {
      const files = byDir.get(dir)?.files ?? []
      if (files.length === 0) this.#ahead.delete(dir)
      else this.#ahead.set(dir, amountOf(files))
    }
    return found
  }

  async #take({ dir, files, lock }: FoundFolder): Promise<HeldFolder | undefined> {
    const known = this.#taken.get(dir)
    if (known) return known
    if (lock?.alive) return undefined
    const held = await takeFolder(this.#root, dir)
    if (!held) return undefined
    this.#taken.set(dir, held)
    if (files.length > 0) {
      const of = lock?.pid === undefined ? '' : ` of process ${lock.pid} on ${lock.host}, which is gone`
      this.#draining.logger.warn(`Spool: ${held.folder.amount.puts} webhooks wait in ${dir}${of}; this process takes them over`)
    }
    return held
  }

  async #letGo(held: HeldFolder): Promise<void> {
    const { dir, amount } = held.folder
    if (amount.puts > 0) {
      if (this.#ahead.has(dir)) this.#ahead.set(dir, amount)
      return
    }
    this.#ahead.delete(dir)
    this.#taken.delete(dir)
    await releaseFolder(this.#root, held)
  }

  #isStuck({ dir, files }: FoundFolder): boolean {
    const now = performance.now()
    const known = this.#stalled.get(dir)
    if (known?.files === files.length) return now - known.since > STUCK_MS
    this.#stalled.set(dir, { files: files.length, since: now })
    return false
  }

  /** What waits here, in the folder of this instance and in those before it. */
  #amount(): SpoolAmount {
    let [puts, bytes] = [this.#queued, this.#queuedBytes]
    for (const waiting of [...this.#ahead.values(), ...(this.#own ? [this.#own.folder.amount] : [])]) {
      puts += waiting.puts
      bytes += waiting.bytes
    }
    return { puts, bytes }
  }

  #left(): number {
    let left = this.#amount().puts
    for (const [dir, { folder }] of this.#taken) if (!this.#ahead.has(dir)) left += folder.amount.puts
    return left
  }
}
