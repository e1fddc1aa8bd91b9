import { constants, fdatasync, fdatasyncSync, ftruncateSync, statSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import type { DayFile } from './day-file.ts'
import { diskError } from './disk-error.ts'
import { syncFolder } from './private-file.ts'

const syncElsewhere = promisify(fdatasync)

/**
 * A disk that took less than this for the last sync may be waited for in place: asking another thread and being woken again takes a
 * good part of the sync itself. A slower disk is waited for elsewhere, so that the event loop is held up once at most when a disk
 * turns slow.
 */
const QUICK_SYNC_MS = 2

/**
 * Writes bytes to the end of the newest day file, and makes them durable when asked to: `file.size` and `file.crc` tell of the durable
 * ones. Everything throws CommsError `store_unavailable`, naming the path and the system's reason.
 */
export class LogWriter {
  #file: DayFile | undefined
  #handle: FileHandle | undefined
  #inode = 0
  /** Bytes written; those behind `file.size` are not durable. */
  #end = 0
  #crc = 0
  /** A write that failed, or was taken back, may have left bytes behind the end. */
  #mustTruncate = false
  /** After a sync that failed nobody knows what is on the disk, and the next sync would say that all is well. */
  #syncFailed = false
  #lastSyncMs = Number.POSITIVE_INFINITY
  /** Syncs under way, which need the open file. */
  readonly #syncs = new Set<Promise<void>>()

  /** Where the next byte goes. */
  get end(): number {
    return this.#end
  }

  /** Makes this the file that is written; what was written to the one before is durable then. */
  async use(file: DayFile): Promise<void> {
    if (this.#file === file) return
    await Promise.allSettled(this.#syncs)
    await this.sync(false)
    await Promise.allSettled(this.#syncs)
    const handle = await open(file.path, constants.O_RDWR | constants.O_CREAT, 0o640).catch((cause) => {
      throw diskError(`Cannot write ${file.path}`, cause)
    })
    try {
      const { ino, size } = await handle.stat()
      if (size !== file.size) throw new Error(`expected ${file.size} bytes, found ${size}: somebody else writes to it`)
      if (size === 0) await syncFolder(dirname(file.path))
      await this.close()
      this.#inode = ino
    } catch (cause) {
      await handle.close()
      throw diskError(`Cannot write ${file.path}`, cause)
    }
    this.#handle = handle
    this.#file = file
    this.#end = file.size
    this.#crc = file.crc
    this.#mustTruncate = false
  }

  /** A copy into the page cache takes less time than to ask another thread for it; only the sync waits for the disk. */
  write(bytes: Buffer): void {
    const [file, { fd }] = [this.#file as DayFile, this.#handle as FileHandle]
    try {
      this.#truncate(fd)
      this.#checkUnchanged(file)
      this.#mustTruncate = true
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(fd, bytes, written, bytes.length - written, this.#end + written)
      }
      this.#mustTruncate = false
    } catch (cause) {
      this.#tryToTruncate(fd)
      throw diskError(`Cannot write ${file.path}`, cause)
    }
    this.#end += bytes.length
    this.#crc = crc32(bytes, this.#crc)
  }

  /** Makes durable what was written before the call. */
  async sync(inPlace: boolean): Promise<void> {
    const file = this.#file
    if (!file || !this.#handle || this.#end === file.size) return
    const [end, crc] = [this.#end, this.#crc]
    const syncing = this.#sync(this.#handle.fd, inPlace)
    this.#syncs.add(syncing)
    try {
      await syncing
    } catch (cause) {
      this.#syncFailed = true
      throw diskError(`Cannot write ${file.path}`, cause)
    } finally {
      this.#syncs.delete(syncing)
    }
    // Of two syncs at once the later one may end first.
    if (end <= file.size) return
    file.size = end
    file.crc = crc
  }

  /** Forgets what is not durable. */
  takeBack(): void {
    if (!this.#file || !this.#handle) return
    this.#end = this.#file.size
    this.#crc = this.#file.crc
    this.#syncFailed = false
    this.#mustTruncate = true
    this.#tryToTruncate(this.#handle.fd)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
    this.#file = undefined
  }

  async #sync(fd: number, inPlace: boolean): Promise<void> {
    if (this.#syncFailed) throw new Error('the sync before this one failed')
    const startedAt = performance.now()
    if (inPlace && this.#lastSyncMs < QUICK_SYNC_MS) fdatasyncSync(fd)
    else await syncElsewhere(fd)
    this.#lastSyncMs = performance.now() - startedAt
  }

  /** Bytes in a file that was deleted or replaced would be lost with it; a file of another length has another writer. */
  #checkUnchanged(file: DayFile): void {
    const { ino, size } = statSync(file.path)
    if (ino !== this.#inode || size !== this.#end) throw new Error('the file was changed by somebody else while in use')
  }

  #truncate(fd: number): void {
    if (this.#mustTruncate) ftruncateSync(fd, this.#end)
    this.#mustTruncate = false
  }

  #tryToTruncate(fd: number): void {
    try {
      this.#truncate(fd)
    } catch {
      // The next write tries again first.
    }
  }
}
