import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CommsError, isCommsError } from '@pipe-comms/core'
import { syncFolder } from './private-file.ts'
import { filesIn, type SpoolFile, SpoolFolder } from './spool-folder.ts'
import { type LockState, WriterLock } from './writer-lock.ts'

/** A folder of the spool whose lock this process holds. */
export interface HeldFolder {
  readonly folder: SpoolFolder
  readonly lock: WriterLock
}

/** A folder of the spool as it was found. The spool's own folder, with the files of older releases, is one too. */
export interface FoundFolder {
  readonly dir: string
  readonly files: readonly SpoolFile[]
  readonly lock?: LockState
  /**
   * `own`: the instance that made it holds it. `left`: nobody holds it. `taken`: another instance than the one that made it drains it.
   * `new`: just made, not locked yet.
   */
  readonly state: 'own' | 'left' | 'taken' | 'new'
}

const NAME = /^instance-(\d{6,})$/
/** An empty folder without a lock is older than this when the process that made it died at that moment. */
const UNLOCKED_MS = 60_000

/** Makes and locks the folder of one instance. Its number is higher than that of all that are there: leftovers sort before it. */
export async function createInstanceFolder(root: string): Promise<HeldFolder> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const newest = (await instanceNames(root)).at(-1)
    const dir = join(root, `instance-${String(numberOf(newest) + 1 + turn).padStart(6, '0')}`)
    try {
      await mkdir(dir, { mode: 0o750 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
      throw error
    }
    await syncFolder(root)
    const held = await takeFolder(root, dir)
    if (held) return held
  }
  throw new CommsError('store_unavailable', `${root}: many instances make a folder at once`)
}

/** Takes the lock of a folder whose owner is dead. Nothing when another process holds it, or when it is gone: of two that try, one wins. */
export async function takeFolder(root: string, dir: string): Promise<HeldFolder | undefined> {
  let lock: WriterLock | undefined
  try {
    lock = await WriterLock.acquire(dir)
    return { lock, folder: await SpoolFolder.open(root, dir) }
  } catch (error) {
    await lock?.release().catch(() => undefined)
    if (isCommsError(error, 'store_locked') || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Lets go of a folder: it is removed when it is empty, and left to others otherwise. */
export async function releaseFolder(root: string, { folder, lock }: HeldFolder): Promise<void> {
  if (folder.dir !== root) await folder.removeEmpty()
  // On a full disk, or when the folder is gone, the lock ends with this process.
  await lock.release().catch(() => undefined)
}

/** The folders of a spool in the order in which they are drained: the files of older releases first, then by number. */
export async function findFolders(root: string): Promise<FoundFolder[]> {
  const found: FoundFolder[] = []
  const flat = await filesIn(root)
  if (flat.length > 0) {
    const lock = await WriterLock.stateOf(root)
    found.push({ dir: root, files: flat, state: lock?.alive ? 'taken' : 'left', ...(lock ? { lock } : {}) })
  }
  for (const name of await instanceNames(root)) {
    const dir = join(root, name)
    try {
      const lock = await WriterLock.stateOf(dir)
      const files = await filesIn(dir)
      found.push({ dir, files, state: await stateOf(dir, files, lock), ...(lock ? { lock } : {}) })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Another user's: that user's instances take care of it.
      if (code === 'EACCES') found.push({ dir, files: [], state: 'own' })
      // Not removed meanwhile.
      else if (code !== 'ENOENT') throw error
    }
  }
  return found
}

async function stateOf(dir: string, files: readonly SpoolFile[], lock: LockState | undefined): Promise<FoundFolder['state']> {
  if (lock) return lock.alive ? (lock.number === 1 ? 'own' : 'taken') : 'left'
  return files.length === 0 && Date.now() - (await stat(dir)).mtimeMs < UNLOCKED_MS ? 'new' : 'left'
}

async function instanceNames(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory() && NAME.test(entry.name)).map(({ name }) => name)
  return names.sort((a, b) => numberOf(a) - numberOf(b))
}

function numberOf(name: string | undefined): number {
  return Number(NAME.exec(name ?? '')?.[1] ?? 0)
}
