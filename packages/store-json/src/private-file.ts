import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

const FILE_MODE = 0o640
const FOLDER_MODE = 0o750

/** Makes a folder, and those above it that are missing, closed to other users; their names are durable when it resolves. An existing folder stays as it is. */
export async function createPrivateFolder(dir: string): Promise<void> {
  const made = await mkdir(dir, { recursive: true, mode: FOLDER_MODE })
  if (made === undefined) return
  const above = dirname(resolve(made))
  for (let parent = dirname(resolve(dir)); ; parent = dirname(parent)) {
    await syncFolder(parent)
    if (parent === above || parent === dirname(parent)) return
  }
}

/**
 * Opens a file that is closed to other users when it is made here. Follows no link in its last part.
 * @param flags of open(2), such as `constants.O_RDONLY`
 */
export function openPrivate(path: string, flags: number): Promise<FileHandle> {
  // Windows has no such flag.
  return open(path, flags | (constants.O_NOFOLLOW ?? 0), FILE_MODE)
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
