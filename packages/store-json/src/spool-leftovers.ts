import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type DrainReport, type EventStore, type Logger, silentLogger } from '@pipe-comms/core'
import { diskError } from './disk-error.ts'
import { openFileSpool } from './file-spool.ts'
import { amountOf } from './spool-folder.ts'
import { findFolders } from './spool-folders.ts'

/** Webhooks that were answered with success and wait in a spool folder. */
export interface SpoolLeftover {
  readonly folder: string
  /** How many webhooks wait. */
  readonly waiting: number
  readonly bytes: number
  /** When the oldest file was written, ISO 8601. */
  readonly oldest: string
  /** `alive`: a process holds the folder and drains it. `dead`: no process does; any instance with a spool here takes it over. */
  readonly owner: 'alive' | 'dead'
  /** The owner's process, where a lock names it. */
  readonly pid?: number
  readonly host?: string
}

/**
 * What waits in a spool, folder by folder, in the order in which it is drained. For the start of a server, whatever store it has:
 * what lies here was acknowledged and is not in the log yet. Nothing for a folder that does not exist.
 * @throws CommsError `store_unavailable` when the folder cannot be read.
 */
export async function listSpoolLeftovers(dir: string): Promise<readonly SpoolLeftover[]> {
  const root = resolve(dir)
  try {
    await readdir(root)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw diskError(`Cannot look into the spool in ${root}`, cause)
  }
  const leftovers: SpoolLeftover[] = []
  for (const { dir: folder, files, lock } of await findFolders(root)) {
    const [first] = files
    if (!first) continue
    const { puts, bytes } = amountOf(files)
    const oldest = await stat(join(folder, first.name)).catch(() => undefined)
    leftovers.push({
      folder,
      waiting: puts,
      bytes,
      oldest: (oldest?.mtime ?? new Date(0)).toISOString(),
      owner: lock?.alive ? 'alive' : 'dead',
      ...(lock?.pid === undefined ? {} : { pid: lock.pid }),
      ...(lock?.host === undefined ? {} : { host: lock.host }),
    })
  }
  return leftovers
}

/**
 * Appends to a store what dead instances left in a spool: for a server whose own store needs no spool. Folders of living owners are
 * left to them. `left` in the report is what could not be drained; nothing is removed before the store has it.
 * @throws CommsError `store_unavailable` when the folder cannot be read.
 */
export async function drainSpoolLeftovers(options: {
  readonly dir: string
  readonly store: EventStore
  readonly logger?: Logger
  readonly signal?: AbortSignal
}): Promise<DrainReport> {
  const { dir, store, logger = silentLogger, signal = new AbortController().signal } = options
  if ((await listSpoolLeftovers(dir)).length === 0) return { recorded: 0, left: 0, setAside: [] }
  const spool = await openFileSpool({ dir, logger, maxTries: 1 })
  try {
    return await spool.drain(store, { signal })
  } finally {
    await spool.close()
  }
}
