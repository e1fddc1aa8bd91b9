// A PostgreSQL server for tests and benchmarks: Debian's package, a temporary cluster, gone with the process that started it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as timer } from 'node:timers/promises'

export interface PostgresServer {
  /** As the superuser, without a database at its end. */
  readonly url: string
  /** The process id of the postmaster. */
  readonly pid: number
  /** Where its files are. */
  readonly folder: string
  /** Ends it as a crash would: no checkpoint, no goodbye. The files stay. */
  crash(): Promise<void>
  /** Starts it again on the same files and port. */
  start(): Promise<void>
  stop(): Promise<void>
}

const DEBIAN = '/usr/lib/postgresql'

/** The folder of the programs of the oldest PostgreSQL from 15 on; nothing where there is none. */
export async function postgresPrograms(): Promise<string | undefined> {
  const versions = existsSync(DEBIAN) ? (await readdir(DEBIAN)).map(Number).filter((version) => version >= 15) : []
  const folders = versions.sort((a, b) => a - b).map((version) => `${DEBIAN}/${version}/bin`)
  return [...folders, ...(process.env.PATH ?? '').split(':')].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  )
}

/**
 * @param settings beside the defaults, such as `{ fsync: 'off' }`
 * @throws when the programs are missing or fail, with what they said
 */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const programs = await postgresPrograms()
  if (!programs) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
  const user = await serverUser()
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-postgres-'))
  if (user) await chown(dir, user.uid, user.gid)
  const data = join(dir, 'data')
  const port = await freePort()
  const run = (command: string, ...args: string[]) =>
    spawn('/bin/sh', ['-c', command, 'postgres', ...args], { ...user, cwd: dir, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })

  await ended(
    run(
      'exec "$@"',
      join(programs, 'initdb'),
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=trust',
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
    ),
  )
  const options = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '', max_connections: '200', ...settings }
  const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])

  let server: ChildProcess
  let pid = 0
  const start = async () => {
    // The shell reads from a pipe that only this process can write to: it ends with this process, however that ends, and takes the
    // server with it (SIGQUIT: at once). Its last act is to remove the files, unless it was told to leave them.
    server = run(
      '"$@" & pid=$!; read -r last; kill -s QUIT $pid; wait $pid; [ "$last" = keep ] || rm -rf "$PWD"',
      join(programs, 'postgres'),
      '-D',
      data,
      ...flags,
    )
    let said = ''
    const ready = new Promise<void>((resolve, reject) => {
      server.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        said = (said + chunk).slice(-4000)
        if (/ready to accept (read-only )?connections/.test(said)) resolve()
      })
      server.once('exit', () => reject(new Error(`PostgreSQL did not start: ${said}`)))
      void timer(20_000, undefined, { ref: false }).then(() => reject(new Error(`PostgreSQL was not ready in 20 s: ${said}`)))
    })
    await ready
    pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0])
    // It keeps no process alive: whoever forgets to stop it has it stopped by the pipe.
    server.unref()
    for (const stream of [server.stdin, server.stdout, server.stderr]) (stream as unknown as { unref(): void }).unref()
  }
  const end = async (word: string) => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exit = once(server, 'exit')
    server.ref()
    server.stdin?.end(`${word}\n`)
    await exit
  }
  await start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}`,
    folder: dir,
    get pid() {
      return pid
    },
    crash: () => end('keep'),
    start,
    async stop() {
      await end('remove')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root. */
async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const entry = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (!entry) throw new Error('Expected a user postgres or nobody to run PostgreSQL as')
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

async function ended(child: ChildProcess): Promise<void> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  child.stdout?.resume()
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${said}`)
}
