import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CommsError } from '@pipe-comms/core'

/** Owner and group; messages are none of the business of other users of the machine. */
const FILE_MODE = 0o640
const FOLDER_MODE = 0o750
/** What other users may do, and what the group may write. */
const TOO_WIDE = 0o027

/**
 * Makes a folder and what is missing above it, for owner and group alone, each name durable in the folder above it. A folder that exists
 * stays as it is: it may serve other programs.
 */
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
 * Opens a file of ours, with flags of open(2) as in `fs.constants`. A new one is for owner and group alone, whatever the umask; an existing
 * one that others may read is closed to them. A symbolic link is not followed, and nothing but a plain file is opened.
 * @throws CommsError `store_corrupt` for a link, a folder, a pipe or a device; errors of the system.
 */
export async function openPrivate(path: string, flags: number): Promise<FileHandle> {
  // Without O_NONBLOCK the opening of a named pipe would wait for its other end. Windows knows neither flag.
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
  const handle = await open(path, flags | O_NOFOLLOW | O_NONBLOCK, FILE_MODE).catch((error) => {
    const { code } = error as NodeJS.ErrnoException
    // FreeBSD says EMLINK for a link; ENXIO is a pipe without a reader, or a socket.
    if (code === 'ELOOP' || code === 'EMLINK') throw notPlain(path, 'a symbolic link, which is not followed')
    if (code === 'EISDIR' || code === 'ENXIO') throw notPlain(path, 'a folder, a pipe or a socket')
    throw error
  })
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw notPlain(path, 'a folder, a pipe or a device')
    // A file of another user can be closed by that user alone.
    if ((found.mode & TOO_WIDE) !== 0) await handle.chmod(found.mode & 0o777 & ~TOO_WIDE).catch(() => undefined)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Makes the names in a folder durable, not only the bytes behind them. Windows cannot open a folder, and needs not. */
export async function syncFolder(dir: string): Promise<void> {
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

function notPlain(path: string, found: string): CommsError {
  return new CommsError('store_corrupt', `${path}: expected a plain file, found ${found}: take it away, or put the file in its place`)
}
