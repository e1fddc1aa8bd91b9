import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'

export interface EnvFile {
  readonly path: string
  readonly variables: Readonly<Record<string, string>>
  /** What an operator should change about the file. */
  readonly problem?: string
}

/**
 * Reads a file of `NAME=value` lines, as Docker and systemd do. Variables of the process win over it. Nothing when there is no such file.
 * @throws when it is there and cannot be read, with the path and the reason.
 */
export function readEnvFile(path: string): EnvFile | undefined {
  const whole = resolve(path)
  let text: string
  try {
    text = readFileSync(whole, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new Error(`${whole}: expected a readable file of NAME=value lines: ${message}`, { cause: error })
  }
  const variables = parseEnv(text) as Record<string, string>
  const open = process.platform !== 'win32' && (statSync(whole).mode & 0o077) !== 0
  return {
    path: whole,
    variables,
    ...(open ? { problem: `${whole} holds secrets and is readable by other users: chmod 600 ${whole}` } : {}),
  }
}
