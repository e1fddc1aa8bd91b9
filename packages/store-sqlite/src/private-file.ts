import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CommsError } from '@pipe-comms/core'

/** Owner and group; messages are none of the business of other users of the machine. */
const FILE_MODE = 0o640
const FOLDER_MODE = 0o750
/** What other users may do, and what the group may write. */
const TOO_WIDE = 0o027

/** Makes a folder and what is missing above it, for owner and group alone, each name durable. A folder that exists stays as it is. */
export async function createPrivateFolder(dir: string): Promise<void> {
  if (await isFolder(dir)) return
  const above = dirname(dir)
  if (above !== dir) await createPrivateFolder(above)
  try {
    await mkdir(dir, { mode: FOLDER_MODE })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await isFolder(dir))) return
    throw error
  }
  await syncFolder(above)
}

/**
 * Makes a database file for owner and group alone, when it is missing; SQLite gives `-wal` and `-shm` the rights of the file. Existing
 * files that others may read are closed to them.
 * @throws CommsError `store_corrupt` for a symbolic link, which SQLite would follow, and for a pipe or a device.
 */
export async function createPrivateDatabase(file: string): Promise<void> {
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    const found = await lstat(path).catch(() => undefined)
    // SQLite says by itself that a folder is no database.
    if (!found || found.isDirectory()) continue
    if (!found.isFile()) {
      const what = found.isSymbolicLink() ? 'a symbolic link, which is not followed' : 'a pipe or a device'
      throw new CommsError('store_corrupt', `${path}: expected a plain file, found ${what}: take it away, or put the file in its place`)
    }
    // A file of another user can be closed by that user alone.
    if ((found.mode & TOO_WIDE) !== 0) await chmod(path, found.mode & 0o777 & ~TOO_WIDE).catch(() => undefined)
  }
  try {
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, FILE_MODE)
    await handle.close()
    await syncFolder(dirname(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Makes the names in a folder durable. Windows cannot open a folder, and needs not. */
async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(dir, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
