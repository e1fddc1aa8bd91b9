import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { CommsError } from '@pipe-comms/core'

/** Who holds a lock. */
interface Holder {
  readonly pid: number
  /** Tells this process from a later one with the same number. */
  readonly startedAt: string
  /** Machine, boot and process namespace: where `pid` means something. */
  readonly place: string
  readonly host: string
  readonly since: string
  readonly released?: boolean
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
const NAME = /^writer\.lock\.(\d{8})$/

/**
 * The right to write a folder, for one process at a time. It survives a crash: a lock whose process is gone is taken over.
 *
 * A lock file is never deleted while it is the newest. Who takes over makes the next number, and only one can; so two processes
 * that find the same dead holder never both win.
 */
export class WriterLock {
  readonly #path: string
  readonly #holder: Holder
  readonly #heartbeat: NodeJS.Timeout

  private constructor(path: string, holder: Holder) {
    this.#path = path
    this.#holder = holder
    this.#heartbeat = setInterval(() => {
      const now = new Date()
      utimes(path, now, now).catch(() => undefined)
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
        if (current && !current.released && (await isAlive(current, lockPath(dir, newest), holder))) {
          throw new CommsError(
            'store_locked',
            `${dir} is written by process ${current.pid} on ${current.host} since ${current.since}: stop that process, or choose another folder`,
          )
        }
      }
      const path = lockPath(dir, newest + 1)
      if (!(await createWhole(path, JSON.stringify(holder)))) continue
      // Others may have come and gone between the look at the folder and this: the newest number wins.
      if (((await lockNumbers(dir)).at(-1) ?? 0) > newest + 1) {
        await rm(path, { force: true })
        continue
      }
      for (const older of numbers) await rm(lockPath(dir, older), { force: true })
      return new WriterLock(path, holder)
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
    return { number, alive: !released && (await isAlive(holder, path, await thisProcess())), pid, host, since }
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat)
    const temporary = `${this.#path}.${randomUUID()}`
    await writeFile(temporary, JSON.stringify({ ...this.#holder, released: true }))
    await rename(temporary, this.#path)
  }
}

async function thisProcess(): Promise<Holder> {
  return {
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
  await writeFile(temporary, text)
  try {
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
    return JSON.parse(await readFile(path, 'utf8')) as Holder
  } catch (error) {
    // Unreadable after a power cut: its holder did not survive that either.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : undefined
  }
}

async function isAlive(holder: Holder, path: string, self: Holder): Promise<boolean> {
  if (holder.place !== self.place) return Date.now() - (await stat(path)).mtimeMs < SILENCE_MS
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return (await startOf(holder.pid)) === holder.startedAt || holder.startedAt === 'unknown'
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
