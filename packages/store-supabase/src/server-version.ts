import type { StoreProblem } from './store-problem.ts'

/** Servers that speak the protocol of PostgreSQL and are none, as they name themselves in `version()`. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/cockroach/i, 'CockroachDB'],
  [/-YB-|yugabyte/i, 'YugabyteDB'],
  [/redshift/i, 'Amazon Redshift'],
  [/materialize/i, 'Materialize'],
  [/questdb/i, 'QuestDB'],
  [/greenplum/i, 'Greenplum'],
  [/opengauss|gaussdb/i, 'openGauss'],
]
const OLDEST = 14

/** Why the log cannot be kept on a server that answers so to `select version()`; nothing when it can. */
export function unfitServer(version: string): StoreProblem | undefined {
  const found = OTHERS.find(([pattern]) => pattern.test(version))?.[1]
  const major = Number(/^(?:PostgreSQL|EnterpriseDB) (\d+)/.exec(version)?.[1])
  const name = found ?? (Number.isNaN(major) ? 'another server than PostgreSQL' : undefined)
  if (name !== undefined) {
    return {
      problem: `The server is ${name} (${version.slice(0, 80)}): its locks are not those of PostgreSQL, so two appends at once could be given one position`,
      remedy: `Keep the log in PostgreSQL ${OLDEST} or later`,
    }
  }
  if (major < OLDEST) return { problem: `The server is PostgreSQL ${major}`, remedy: `Install PostgreSQL ${OLDEST} or later` }
  return undefined
}
