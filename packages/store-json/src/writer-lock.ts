import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, lutimes, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { CommsError, isCommsError } from '@pipe-comms/core'
import { readWhole } from './atomic-file.ts'
import { openPrivate } from './private-file.ts'

/** Who holds a lock. */
interface Holder {
  /** Written first and overwritten in place when the lock is let go, which needs no space on the disk. */
  readonly released?: boolean
  readonly pid: number
  /** Tells this process from a later one with the same number. */
  readonly startedAt: string
  /** Machine, boot and process namespace: where `pid` means something. */
  readonly place: string
  readonly host: string
  readonly since: string
}

/** What a lock says of its holder. */
export interface LockState {
  /** 1 for the process that first locked the folder; each one that takes it over has the next number. */
  readonly number: number
  readonly alive: boolean
  readonly pid?: number
  readonly host?: string
  readonly since?: string
}

/** The holder says this often that it lives, for those who cannot see its process. */
const HEARTBEAT_MS = 5_000
/** Silent for this long, a holder in another place is taken for dead. */
const SILENCE_MS = 60_000
/** The beginning of a lock that is let go, as long as `{"released":false` is. */
const LET_GO = '{"released":true '
const NAME = /^writer\.lock\.(\d{8})$/

/** Locks that this process has let go, whatever became of their files. */
const letGo = new Set<string>()

/**
 * The right to write a folder, for one process at a time. It survives a crash: a lock whose process is gone is taken over.
 *
 * A lock file is never deleted while it is the newest. Who takes over makes the next number, and only one can; so two processes
 * that find the same dead holder never both win.
 */
export class WriterLock {
  readonly #path: string
  readonly #heartbeat: NodeJS.Timeout

  private constructor(path: string) {
    this.#path = path
    this.#heartbeat = setInterval(() => {
      const now = new Date()
      lutimes(path, now, now).catch(() => undefined)
    }, HEARTBEAT_MS)
    this.#heartbeat.unref()
  }

  /** @throws CommsError `store_locked` when a living process holds the folder. */
  static async acquire(dir: string): Promise<WriterLock> {
    const holder = await thisProcess()
    for (let turn = 0; turn < 100; turn += 1) {
      const numbers = await lockNumbers(dir)
      const newest = numbers.at(-1) ?? 0
      if (newest > 0) {
        const current = await readHolder(lockPath(dir, newest))
        if (current === 'gone') continue
        const path = lockPath(dir, newest)
        if (current && !current.released && !(letGo.has(path) && isSame(current, holder))) {
          const silence = await silenceOf(current, path, holder)
          if (silence !== 'dead') throw locked(dir, current, silence)
        }
      }
      const path = lockPath(dir, newest + 1)
      if (!(await createWhole(path, JSON.stringify(holder)))) continue
      // Others may have come and gone between the look at the folder and this: the newest number wins.
      if (((await lockNumbers(dir)).at(-1) ?? 0) > newest + 1) {
        await rm(path, { force: true })
        continue
      }
      letGo.delete(path)
      for (const older of numbers) await rm(lockPath(dir, older), { force: true })
      return new WriterLock(path)
    }
    throw new CommsError('store_locked', `${dir}: many processes want to write at once`)
  }

  /** Who holds the folder, or held it last; nothing for a folder that was never locked. */
  static async stateOf(dir: string): Promise<LockState | undefined> {
    const number = (await lockNumbers(dir)).at(-1)
    if (number === undefined) return undefined
    const path = lockPath(dir, number)
    const holder = await readHolder(path)
    if (holder === 'gone') return WriterLock.stateOf(dir)
    if (!holder) return { number, alive: false }
    const { pid, host, since, released } = holder
    const alive = !released && (await silenceOf(holder, path, await thisProcess())) !== 'dead'
    return { number, alive, pid, host, since }
  }

  /** Never fails: a lock whose file cannot be written is free for this process at once, and for others when this process ends. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat)
    letGo.add(this.#path)
    try {
      const handle = await openPrivate(this.#path, constants.O_RDWR)
      try {
        await handle.write(LET_GO, 0)
      } finally {
        await handle.close()
      }
    } catch {
      // Said above.
    }
  }
}

function locked(dir: string, { pid, host, since }: Holder, silence: 'alive' | number): CommsError {
  const held = `${dir} is written by process ${pid} on ${host} since ${since}`
  if (silence === 'alive') return new CommsError('store_locked', `${held}: stop that process, or choose another folder`)
  const [heard, wait] = [silence, SILENCE_MS - silence].map((ms) => Math.ceil(ms / 1000))
  return new CommsError(
    'store_locked',
    `${held}, which was last heard of ${heard} s ago: stop that process, or, when it is gone with its machine or container, try again in ${wait} s`,
  )
}

async function thisProcess(): Promise<Holder> {
  return {
    released: false,
    pid: process.pid,
    startedAt: (await startOf(process.pid)) ?? 'unknown',
    place: await placeOf(),
    host: hostname(),
    since: new Date().toISOString(),
  }
}

function lockPath(dir: string, number: number): string {
  return join(dir, `writer.lock.${String(number).padStart(8, '0')}`)
}

async function lockNumbers(dir: string): Promise<number[]> {
  return (await readdir(dir)).flatMap((name) => (NAME.test(name) ? Number(NAME.exec(name)?.[1]) : [])).sort((a, b) => a - b)
}

/** Nobody ever sees a half-written lock: it is written aside and linked into place, which fails when the place is taken. */
async function createWhole(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`
  try {
    const handle = await openPrivate(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL)
    try {
      await handle.writeFile(text)
    } finally {
      await handle.close()
    }
    await link(temporary, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
}

async function readHolder(path: string): Promise<Holder | undefined | 'gone'> {
  try {
    return JSON.parse(await readWhole(path)) as Holder
  } catch (error) {
    if (isCommsError(error)) throw error
    // Unreadable after a power cut: its holder did not survive that either.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : undefined
  }
}

function isSame(one: Holder, other: Holder): boolean {
  return one.pid === other.pid && one.startedAt === other.startedAt && one.place === other.place
}

/** Whether a holder lives; of one whose process cannot be seen from here, the milliseconds since it was last heard of. */
async function silenceOf(holder: Holder, path: string, self: Holder): Promise<'alive' | 'dead' | number> {
  if (holder.place !== self.place) {
    const silence = Date.now() - (await lstat(path)).mtimeMs
    return silence < SILENCE_MS ? silence : 'dead'
  }
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : 'dead'
  }
  return (await startOf(holder.pid)) === holder.startedAt || holder.startedAt === 'unknown' ? 'alive' : 'dead'
}

/** When a process began, in ticks since boot: field 22 of proc(5) stat. Unknown where there is no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

async function placeOf(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return [hostname(), boot.trim(), namespace].join(' ')
}
