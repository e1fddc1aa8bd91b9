import { CallFailure, failureOfCode } from './call-failure.ts'
import { type DatabaseCalls, PAGES } from './database-calls.ts'
import { fromJsonb } from './jsonb-text.ts'
import type { SupabaseRpc } from './options.ts'

/** As PostgREST and the gateway before it answer (https://docs.postgrest.org/en/v14/references/errors.html). */
interface Answer {
  readonly data?: unknown
  readonly error?: { readonly code?: string; readonly message?: string; readonly details?: string | null } | null
  readonly status?: number
}

const WHO = 'Supabase'

/** The functions of the log through the API of Supabase, by POST: the client repeats no POST by itself. */
export function supabaseCalls(client: SupabaseRpc): DatabaseCalls {
  return {
    who: WHO,
    async call(name, values, signal) {
      let answer: Answer
      try {
        answer = await client.rpc(name, values).abortSignal(signal)
      } catch (error) {
        // A client made with throwOnError throws what others answer.
        answer = { error: error as Answer['error'] & object, status: 0 }
      }
      const { data, error, status = 0 } = answer
      if (error) throw failureOf(error, status)
      // The client takes an empty 404, of a proxy or a wrong path, for an empty success; our functions never answer with nothing.
      if (data === null || data === undefined) {
        throw new CallFailure('store_unavailable', `${name} was answered with nothing (HTTP ${status})`, {
          remedy: "Check that the client's URL is the project's own, such as https://<reference>.supabase.co",
        })
      }
      return PAGES.has(name) ? (data as readonly unknown[]).map((row) => () => fromJsonb(row)) : fromJsonb(data)
    },
    close() {},
  }
}

function failureOf({ code, message = '', details }: NonNullable<Answer['error']>, status: number): CallFailure {
  const unavailable = (text: string, remedy?: string, again = false) => new CallFailure('store_unavailable', text, { remedy, again })
  if (code) return failureOfCode(code, message)
  // What the gateway itself answers has no code.
  if (status === 401) return unavailable('HTTP 401, the key was refused', 'Check the URL and the key: they must be of one project')
  if (status === 403) return unavailable('HTTP 403 from the gateway', 'Take the key of the backend (sb_secret_… or service_role)')
  if (status === 404) return unavailable('HTTP 404 from the gateway', "Check that the client's URL is the project's own")
  if (status === 540) return unavailable('the project is paused (HTTP 540)', 'Restore it in the dashboard of Supabase')
  if (status === 0) {
    const reason = `${message} ${details ?? ''}`
    const unknownHost = /ENOTFOUND|EAI_AGAIN/.test(reason)
    return unavailable(
      `cannot be reached (${/E[A-Z_]{4,}|UND_ERR_\w+/.exec(reason)?.[0] ?? (message || 'no answer')})`,
      unknownHost ? 'The host is unknown: a wrong URL, or a project that was paused or deleted' : undefined,
      true,
    )
  }
  // Cloudflare and the gateway answer in HTML while the database restarts; HTTP 429: too many requests.
  return unavailable(`HTTP ${status} from the gateway`, undefined, status >= 500 || status === 429 || status === 408)
}
