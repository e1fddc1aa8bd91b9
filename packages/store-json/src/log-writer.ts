import { constants, fdatasync, fdatasyncSync, statSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { syncFolder } from './atomic-file.ts'
import type { DayFile } from './day-file.ts'
import { diskError } from './disk-error.ts'

const syncElsewhere = promisify(fdatasync)

/**
 * A disk that took less than this for the last sync is waited for in place: asking another thread and being woken again takes as long
 * as the sync itself. A slower disk is waited for elsewhere, so that the event loop is held up once at most when a disk turns slow.
 */
const QUICK_SYNC_MS = 2

/**
 * Writes bytes to the end of the newest day file, each write durable when it resolves. A write that fails is taken back whole, so
 * that a later one begins where the last good one ended.
 */
export class LogWriter {
  #file: DayFile | undefined
  #handle: FileHandle | undefined
  #inode = 0
  #lastSyncMs = Number.POSITIVE_INFINITY
  /** A failed write may have left bytes behind the durable end; they go before the next write. */
  #mustTakeBack = false

  /** @throws CommsError `store_unavailable`, naming the path and the system's reason; nothing was written. */
  async write(file: DayFile, bytes: Buffer): Promise<void> {
    try {
      if (this.#file !== file) await this.#switchTo(file)
      const handle = this.#handle as FileHandle
      if (this.#mustTakeBack) await this.#takeBack(handle, file.size)
      this.#checkUnchanged(file)
      this.#mustTakeBack = true
      // A copy into the page cache takes less time than to ask another thread for it; only the sync waits for the disk.
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(handle.fd, bytes, written, bytes.length - written, file.size + written)
      }
      await this.#sync(handle.fd)
      this.#mustTakeBack = false
      file.size += bytes.length
      file.crc = crc32(bytes, file.crc)
    } catch (cause) {
      if (this.#handle && this.#mustTakeBack) {
        await this.#takeBack(this.#handle, file.size).then(
          () => {
            this.#mustTakeBack = false
          },
          () => undefined,
        )
      }
      throw diskError(`Cannot write ${file.path}`, cause)
    }
  }

  async #sync(fd: number): Promise<void> {
    const startedAt = performance.now()
    if (this.#lastSyncMs < QUICK_SYNC_MS) fdatasyncSync(fd)
    else await syncElsewhere(fd)
    this.#lastSyncMs = performance.now() - startedAt
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
    this.#file = undefined
  }

  async #switchTo(file: DayFile): Promise<void> {
    const handle = await open(file.path, constants.O_RDWR | constants.O_CREAT, 0o640)
    try {
      const { ino, size } = await handle.stat()
      if (size !== file.size) throw new Error(`expected ${file.size} bytes, found ${size}: somebody else writes to it`)
      if (size === 0) await syncFolder(dirname(file.path))
      await this.close()
      this.#inode = ino
    } catch (error) {
      await handle.close()
      throw error
    }
    this.#handle = handle
    this.#file = file
    this.#mustTakeBack = false
  }

  /** Bytes in a file that was deleted or replaced would be lost with it; a file of another length has another writer. */
  #checkUnchanged(file: DayFile): void {
    const { ino, size } = statSync(file.path)
    if (ino !== this.#inode || size !== file.size) throw new Error('the file was changed by somebody else while in use')
  }

  async #takeBack(handle: FileHandle, size: number): Promise<void> {
    await handle.truncate(size)
    await handle.datasync()
  }
}
