import { CommsError, type CommsErrorCode } from '@pipe-comms/core'

/** Why one call of a database function failed, and whether the same call may pass a moment later. */
export class CallFailure extends Error {
  readonly code: CommsErrorCode
  /** What an operator can do about it. */
  readonly remedy: string | undefined
  readonly again: boolean

  constructor(code: CommsErrorCode, message: string, { remedy, again = false }: { remedy?: string | undefined; again?: boolean } = {}) {
    super(redacted(message))
    this.code = code
    this.remedy = remedy
    this.again = again
  }

  toCommsError(who: string, tries: number): CommsError {
    const times = tries > 1 ? `, ${tries} times` : ''
    return new CommsError(this.code, `${who}: ${this.message}${times}${this.remedy ? `. ${this.remedy}` : ''}`)
  }
}

const RUN_SQL =
  "Run create-message-events-table.sql in the SQL editor or with psql, then the numbered files beside it (require.resolve('@pipe-comms/store-supabase/sql/create-message-events-table.sql') is its path)"
/** What the database or its API says when it is not set up for this release: waiting does not help. */
const NOT_SET_UP = /^(42P01|42883|42703|3F000|42501|PGRST106|PGRST202|PGRST203|PGRST205|PC002|PC003)$/
const RELOAD = "if it was run already: NOTIFY pgrst, 'reload schema', and leave db.schema of the client at public"

/** What an operator can do, by SQLSTATE or by the code of PostgREST. */
const REMEDIES: Readonly<Record<string, string>> = {
  '42P01': RUN_SQL,
  '42883': `${RUN_SQL}: the functions of the log are missing or older than this release`,
  '42703': `${RUN_SQL}: the tables of the log are older than this release`,
  '3F000': RUN_SQL,
  PC003: RUN_SQL,
  PGRST202: `${RUN_SQL}; ${RELOAD}`,
  PGRST205: `${RUN_SQL}; ${RELOAD}`,
  PGRST106: 'Leave db.schema of the client at public, where the functions of the log are',
  PGRST301: 'Check the key: it is not one of this project, or was revoked',
  PGRST302: 'Take the key of the backend, sb_secret_… or service_role',
  PGRST303: 'Check the key: it has expired or is not valid yet',
  '42501':
    'Take the key of the backend (sb_secret_… or service_role), not anon or publishable; on plain PostgreSQL grant EXECUTE on the functions of the log',
  '25006':
    'The database is read-only: a replica, or a project whose disk is full (https://supabase.com/docs/guides/platform/database-size)',
  '53100': 'The disk of the database is full',
  '28P01': 'Check the user and the password of DATABASE_URL',
  '28000': 'Check pg_hba.conf and the user of DATABASE_URL',
  '3D000': 'Check the database of DATABASE_URL',
  PC002: "The role's default_transaction_isolation must be read committed",
}

/**
 * What the database said, by its SQLSTATE (https://www.postgresql.org/docs/15/errcodes-appendix.html) or the code that PostgREST gives
 * itself (https://docs.postgrest.org/en/v14/references/errors.html). Never by HTTP status: 500 is a deadlock as well as a bug.
 *
 * | code | says |
 * |---|---|
 * | PC001 | `position_invalid`: the log never gave out this position |
 * | 22…, 23502, 54… | `event_invalid`: a value that the table can never hold |
 * | 23… | `store_corrupt`: keys and versions are looked up under the lock, so somebody wrote beside it |
 * | 42P01, 42883, 42703, 3F000, 42501, PGRST106, 202, 203, 205, PC002, PC003 | `store_misconfigured`: tables, functions, privileges or settings of another release, or none |
 * | 08…, 40…, 53…, 55P03, 57…, PGRST000 to 003 | `store_unavailable`, may pass a moment later |
 * | all else | `store_unavailable`, with what to do where that is known |
 */
export function failureOfCode(state: string, message: string): CallFailure {
  if (state === 'PC001') return new CallFailure('position_invalid', message)
  // These messages and their details quote the value.
  if (/^(22|23502|54)/.test(state)) return new CallFailure('event_invalid', `${state}: the table cannot hold a value of the event`)
  if (state.startsWith('23')) return new CallFailure('store_corrupt', `${state}: a row of the log was not written by the log's functions`)
  const remedy = REMEDIES[state]
  if (NOT_SET_UP.test(state)) return new CallFailure('store_misconfigured', `${state} ${message}`, { remedy })
  const again = /^(08|40|53(?!100)|55P03|57|PGRST00[0-3])/.test(state)
  return new CallFailure('store_unavailable', `${state} ${message}`, { remedy, again })
}

const SECRETS = [/\bsb_(?:secret|publishable)_[\w-]+/g, /\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, /(?<=\/\/[^/\s:@]*:)[^/\s@]+(?=@)/g]

/** Keys and passwords taken out, and no longer than a line. */
function redacted(text: string): string {
  return SECRETS.reduce((rest, secret) => rest.replace(secret, '…'), text).slice(0, 500)
}
