import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const NAME = 'sandbox.env'

/**
 * Tells scripts on this machine how to reach a server that runs without configuration, in lines of `NAME=value`. Only the user who started
 * the server can read the file, and it goes when the server closes. What it holds opens nothing but that sandbox.
 */
export async function writeSandboxFile(dir: string, variables: Readonly<Record<string, string>>): Promise<{ remove(): Promise<void> }> {
  const file = join(dir, NAME)
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`)
  await mkdir(dir, { recursive: true })
  // Made anew under another name: a file that is there already keeps its mode, and may be a link to elsewhere.
  const fresh = `${file}.${process.pid}`
  await rm(fresh, { force: true })
  await writeFile(fresh, lines.join(''), { mode: 0o600, flag: 'wx' })
  await rename(fresh, file)
  return { remove: () => rm(file, { force: true }) }
}
