import { CallFailure } from './call-failure.ts'
import type { RepeatingCalls } from './database-calls.ts'
import { unfitServer } from './server-version.ts'
import type { StoreProblem } from './store-problem.ts'

/** The schema this release was made for: create-message-events-table.sql and the numbered files after it. */
const SCHEMA = 2

interface Health {
  readonly schemaVersion: number
  /** Left out by an older release's function. */
  readonly server?: string
  readonly problems: readonly StoreProblem[]
}

export async function check(calls: RepeatingCalls): Promise<readonly StoreProblem[]> {
  let health: Health
  try {
    const version = await calls.serverVersion()
    const unfit = version === undefined ? undefined : unfitServer(version)
    if (unfit) return [unfit]
    await calls.once('open_message_log')
    health = (await calls.once('check_message_events')) as Health
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error
    return [{ problem: error.message, remedy: error.remedy ?? 'Check that the database runs and can be reached' }]
  }
  const { schemaVersion, server, problems } = health
  const unfit = server === undefined ? undefined : unfitServer(server)
  if (unfit) return [unfit, ...problems]
  if (schemaVersion === SCHEMA) return problems
  const remedy =
    schemaVersion < SCHEMA ? `Run the files of sql/ that begin with a number over ${schemaVersion}` : 'Install the release that it is of'
  return [...problems, { problem: `The log has schema ${schemaVersion}, this release was made for ${SCHEMA}`, remedy }]
}
