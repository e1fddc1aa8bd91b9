import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createPrivateFolder, openPrivate, syncFolder } from './private-file.ts'
import { decodeOlderPut, decodePuts, type SpooledPut } from './spool-file.ts'

/** How much waits. */
export interface SpoolAmount {
  readonly puts: number
  readonly bytes: number
}

/** A file of puts that wait. Its name tells its place in the order of arrival and how many puts it holds. */
export interface SpoolFile extends SpoolAmount {
  readonly name: string
}

const NAME = /^spool-(\d{15})(?:-(\d{1,9}))?\.jsonl?$/
/** Lock files, and what a crash left of files that were never whole. */
const LEAVINGS = /^writer\.lock\.|\.tmp$/

/** The files of one folder of the spool, oldest first. Its lock is the business of who opens it. */
export class SpoolFolder {
  readonly dir: string
  readonly #root: string
  /** By name, oldest first. */
  readonly #files: Map<string, SpoolFile>
  #puts = 0
  #bytes = 0
  #next: number

  private constructor(root: string, dir: string, files: SpoolFile[]) {
    this.dir = dir
    this.#root = root
    this.#files = new Map(files.map((file) => [file.name, file]))
    for (const file of files) this.#count(file, 1)
    this.#next = Number(NAME.exec(files.at(-1)?.name ?? '')?.[1] ?? 0) + 1
  }

  /** @param root the folder of the whole spool; what is set aside goes there */
  static async open(root: string, dir: string): Promise<SpoolFolder> {
    return new SpoolFolder(root, dir, await filesIn(dir))
  }

  /** What waits, oldest first. */
  get files(): Iterable<SpoolFile> {
    return this.#files.values()
  }

  get amount(): SpoolAmount {
    return { puts: this.#puts, bytes: this.#bytes }
  }

  /** Writes one file with these lines. It is there whole and durable, or not at all. */
  async write(lines: readonly Buffer[]): Promise<SpoolFile> {
    const name = `spool-${String(this.#next++).padStart(15, '0')}-${lines.length}.jsonl`
    const path = join(this.dir, name)
    const bytes = Buffer.concat(lines)
    const temporary = `${path}.${randomUUID()}.tmp`
    try {
      const file = await openPrivate(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY)
      try {
        await file.writeFile(bytes)
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
    const file = { name, puts: lines.length, bytes: bytes.length }
    // From here on the file is seen by whoever drains, so it is kept also when its name may not be durable yet.
    this.#files.set(name, file)
    this.#count(file, 1)
    await syncFolder(this.dir)
    return file
  }

  /** Nothing when another process has dealt with the file. */
  async read({ name }: SpoolFile): Promise<SpooledPut[] | undefined> {
    let file: Awaited<ReturnType<typeof openPrivate>>
    try {
      file = await openPrivate(join(this.dir, name), constants.O_RDONLY)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    try {
      const bytes = await file.readFile()
      return name.endsWith('.json') ? [decodeOlderPut(bytes)] : decodePuts(bytes)
    } finally {
      await file.close()
    }
  }

  /** Forgets a file whose puts are durable elsewhere. */
  async remove(file: SpoolFile): Promise<void> {
    await rm(join(this.dir, file.name), { force: true })
    this.#forget(file)
  }

  /** Moves a file to where it blocks no other, and says where. Never replaces what lies there. */
  async setAside(file: SpoolFile): Promise<string> {
    const folder = join(this.#root, 'set-aside')
    await createPrivateFolder(folder)
    const from = this.dir === this.#root ? '' : `${basename(this.dir)}-`
    for (let turn = 0; ; turn += 1) {
      const to = join(folder, `${from}${turn === 0 ? '' : `${turn}-`}${file.name}`)
      try {
        await link(join(this.dir, file.name), to)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST' && turn < 10_000) continue
        throw error
      }
      await syncFolder(folder)
      await this.remove(file)
      return to
    }
  }

  /** Removes the folder when nothing waits in it, its lock last. Whether it is gone. */
  async removeEmpty(): Promise<boolean> {
    if ((await filesIn(this.dir)).length > 0) return false
    try {
      const names = (await readdir(this.dir)).filter((name) => LEAVINGS.test(name))
      for (const name of names.sort(locksLast)) await rm(join(this.dir, name), { force: true })
      await rmdir(this.dir)
      return true
    } catch {
      // A file of someone else's, or someone who looks in at this moment: the next one who comes by removes it.
      return false
    }
  }

  #forget(file: SpoolFile): void {
    if (this.#files.delete(file.name)) this.#count(file, -1)
  }

  #count({ puts, bytes }: SpoolFile, sign: 1 | -1): void {
    this.#puts += sign * puts
    this.#bytes += sign * bytes
  }
}

export function amountOf(files: readonly SpoolAmount[]): SpoolAmount {
  let [puts, bytes] = [0, 0]
  for (const file of files) {
    puts += file.puts
    bytes += file.bytes
  }
  return { puts, bytes }
}

/** The waiting files of a folder, oldest first. Links and folders are none. */
export async function filesIn(dir: string): Promise<SpoolFile[]> {
  const names = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isFile() && NAME.test(entry.name))
  const files = await Promise.all(
    names.map(async ({ name }) => {
      const bytes = await stat(join(dir, name)).then(
        ({ size }) => size,
        () => undefined,
      )
      return bytes === undefined ? [] : [{ name, puts: Number(NAME.exec(name)?.[2] ?? 1), bytes }]
    }),
  )
  return files.flat().sort((a, b) => (a.name < b.name ? -1 : 1))
}

function locksLast(a: string, b: string): number {
  return Number(a.startsWith('writer.lock.')) - Number(b.startsWith('writer.lock.'))
}
