import type { TestProject } from 'vitest/node'
import { postgresPrograms, startPostgres } from './postgres-server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The URL of the server of this run, without a database; absent where PostgreSQL is not installed. */
    postgres: string | undefined
  }
}

/** One server for the whole run; each test file makes a database of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!(await postgresPrograms())) {
    if (process.env.CI === 'true') throw new Error('CI must test against PostgreSQL, which is not installed: scripts/install-servers.sh')
    return async () => {}
  }
  // What is tested is what survives the end of a process, not a power cut.
  const server = await startPostgres({ fsync: 'off' })
  project.provide('postgres', server.url)
  return () => server.stop()
}
