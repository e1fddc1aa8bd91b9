import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DayFile } from './day-file.ts'
import { diskError } from './disk-error.ts'

/**
 * Writes bytes to the end of the newest day file, each write durable when it resolves. A write that fails is taken back whole, so
 * that a later one begins where the last good one ended.
 */
export class LogWriter {
  #file: DayFile | undefined
  #handle: FileHandle | undefined
  #inode = 0
  /** A failed write may have left bytes behind the durable end; they go before the next write. */
  #mustTakeBack = false

  /** @throws CommsError `store_unavailable`, naming the path and the system's reason; nothing was written. */
  async write(file: DayFile, bytes: Buffer): Promise<void> {
    try {
      if (this.#file !== file) await this.#switchTo(file)
      const handle = this.#handle as FileHandle
      if (this.#mustTakeBack) await this.#takeBack(handle, file.size)
      this.#mustTakeBack = true
      for (let written = 0; written < bytes.length; ) {
        written += (await handle.write(bytes, written, bytes.length - written, file.size + written)).bytesWritten
      }
      const [seen] = await Promise.all([stat(file.path), handle.datasync()])
      // Bytes in a file that was deleted or replaced would be lost with it; a longer file has another writer.
      if (seen.ino !== this.#inode || seen.size !== file.size + bytes.length)
        throw new Error('the file was changed by somebody else while in use')
      this.#mustTakeBack = false
      file.size += bytes.length
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

  async #takeBack(handle: FileHandle, size: number): Promise<void> {
    await handle.truncate(size)
    await handle.datasync()
  }
}

/** Makes the name of a new file durable, not only its bytes. Windows cannot open a folder, and needs not. */
async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(dir, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
