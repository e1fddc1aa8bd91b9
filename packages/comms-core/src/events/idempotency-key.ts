import { CommsError } from '../errors.ts'

/**
 * The name of a fact, unique in the whole log: repeats of the fact share it, different facts never do. Build it from what the provider
 * says (account, kind, its message id, status), never from the clock or a random source.
 * A `:` or `%` inside a part is percent-encoded, so that different parts can never run together into the same key.
 * @throws CommsError `event_invalid` when a part is missing or empty.
 * @example
 * idempotencyKey('twilio', account, 'received', sid) // 'twilio:AC…:received:SM…'
 */
export function idempotencyKey(...parts: readonly (string | number | bigint)[]): string {
  return parts
    .map((part, index) => {
      const text = String(part ?? '')
      if (text === '')
        throw new CommsError('event_invalid', `idempotencyKey: part ${index + 1} of ${parts.length} is empty (${parts.join(':')})`)
      return text.replace(/[%:]/g, (sign) => (sign === ':' ? '%3A' : '%25'))
    })
    .join(':')
}
