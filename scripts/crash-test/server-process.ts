import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('../../examples/webhook-server/src/main.ts', import.meta.url))

/** A real webhook server that writes into this folder. */
export async function startServer(dir: string, given: Readonly<Record<string, string>>): Promise<{ process: ChildProcess; url: string }> {
  const env = {
    PATH: process.env.PATH,
    PORT: '0',
    LOG_LEVEL: 'error',
    // Without a CRM the log holds the notifications alone.
    ESPOCRM_URL: 'off',
    MESSAGE_EVENT_LOGS_DIR: dir,
    ...given,
  }
  const child = spawn(process.execPath, ['--conditions=@pipe-comms/source', SERVER], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8')
  // The stream stays open: to leave a loop over it would close it, and the server would write to nobody.
  const url = await new Promise<string | undefined>((resolve) => {
    child.stdout.on('data', (chunk) => {
      said += chunk
      const listens = /Listens on\s+(http:\S+)/.exec(said)?.[1]
      if (listens) resolve(listens)
    })
    child.stdout.on('end', () => resolve(undefined))
  })
  if (url === undefined) throw new Error(`The server did not start: ${said}`)
  return { process: child, url }
}

/** How often each key is in the day files. */
export async function countKeys(dir: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for await (const line of dayFileLines(dir)) {
    const key = keyIn(line)
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** How many lines of the day files hold one of these texts. */
export async function countLines(dir: string, texts: readonly string[]): Promise<number> {
  let count = 0
  for await (const line of dayFileLines(dir)) if (texts.some((text) => line.includes(text))) count += 1
  return count
}

async function* dayFileLines(dir: string): AsyncGenerator<string> {
  for (const name of (await readdir(dir)).filter((file) => file.endsWith('.jsonl')))
    yield* (await readFile(join(dir, name), 'utf8')).split('\n')
}

/** The line a kill has cut in two is not a line yet. */
function keyIn(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { idempotencyKey?: string }).idempotencyKey
  } catch {
    return undefined
  }
}
