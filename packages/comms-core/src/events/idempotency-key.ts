import { kindOf } from '../check-options.ts'
import { CommsError } from '../errors.ts'

/**
 * The name of a fact, unique in the whole log: repeats of the fact share it, different facts never do. Build it from what the provider
 * says (account, kind, its message id, status), never from the clock or a random source.
 * A `:` or `%` inside a part is percent-encoded, so that different parts can never run together into the same key.
 * @throws CommsError `event_invalid` when a part is missing, empty, or neither a text nor a number.
 * @example
 * idempotencyKey('twilio', account, 'received', sid) // 'twilio:AC…:received:SM…'
 */
export function idempotencyKey(...parts: readonly (string | number | bigint)[]): string {
  if (parts.length === 0) throw new CommsError('event_invalid', 'idempotencyKey: expected at least one part, got none')
  return parts
    .map((part, index) => {
      const text = typeof part === 'string' ? part : textOf(part)
      if (text === undefined || text === '') {
        const problem = text === '' || part === undefined ? ' is empty' : `: expected a text or a number, got ${kindOf(part)}`
        throw new CommsError('event_invalid', `idempotencyKey: part ${index + 1} of ${parts.length}${problem}`)
      }
      return text.replace(/[%:]/g, (sign) => (sign === ':' ? '%3A' : '%25'))
    })
    .join(':')
}

/** Anything else has a text that different facts would share, such as `[object Object]` or `NaN`. */
function textOf(part: unknown): string | undefined {
  return typeof part === 'bigint' || Number.isFinite(part) ? String(part) : undefined
}
