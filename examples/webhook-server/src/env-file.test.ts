import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readEnvFile } from './env-file.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-env-'))
})
afterEach(() => rm(dir, { recursive: true }))

it('reads names, values, quotes and comments', async () => {
  const path = join(dir, '.env')
  await writeFile(path, '# the server\nPORT=3001\nexport HOST="127.0.0.1"\nSMTP_PASSWORD=\'a #1 word\'\n', { mode: 0o600 })
  expect(readEnvFile(path)).toEqual({ path, variables: { PORT: '3001', HOST: '127.0.0.1', SMTP_PASSWORD: 'a #1 word' } })
})

it('is nothing where there is no file', () => {
  expect(readEnvFile(join(dir, '.env'))).toBeUndefined()
})

it('names a file that other users can read', async () => {
  const path = join(dir, '.env')
  await writeFile(path, 'PORT=3001\n')
  await chmod(path, 0o644)
  expect(readEnvFile(path)?.problem).toBe(`${path} holds secrets and is readable by other users: chmod 600 ${path}`)
})

it('refuses a folder with its path', () => {
  expect(() => readEnvFile(dir)).toThrow(`${dir}: expected a readable file of NAME=value lines`)
})
