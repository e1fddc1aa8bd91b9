import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-npm-start-'))
})
afterEach(() => rm(dir, { recursive: true }))

// As a service manager stops it; as an impatient person does; as the kernel does when memory ends.
it.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)('npm start closes its server when npm gets %s', async (signal) => {
  const env = { ...process.env, PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'), npm_lifecycle_event: undefined }
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = collect(npm)
  await expect.poll(output, { timeout: 20_000 }).toContain('Listens on')
  npm.kill(signal)
  await once(npm, 'exit')
  // npm waits for the server where it can; in a container the end of npm ends everything.
  if (signal !== 'SIGKILL') expect(output()).toContain('Closed')
  await expect.poll(output, { timeout: 5_000 }).toContain('Closed')
  const url = /Listens on\s+(\S+)/.exec(output())?.[1] as string
  await expect
    .poll(
      () =>
        fetch(`${url}/healthz`).then(
          () => 'up',
          () => 'down',
        ),
      { timeout: 5_000 },
    )
    .toBe('down')
})

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk))
  return () => text
}
