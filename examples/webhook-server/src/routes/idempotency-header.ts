import { z } from 'zod'
import { idempotencyKeySchema } from './message-request.ts'

const schema = z
  .object({ 'Idempotency-Key': idempotencyKeySchema.optional(), idempotencyKey: z.string().optional() })
  .refine((given) => !given.idempotencyKey || !given['Idempotency-Key'] || given.idempotencyKey === given['Idempotency-Key'], {
    path: ['Idempotency-Key'],
    message: 'expected the same key as in the body',
  })
  .transform((given) => given['Idempotency-Key'] ?? given.idempotencyKey)

/**
 * The caller's key, from the header or from the body. The header may be in quotes, as the draft of its standard has it, or bare, as most
 * send it: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export function readIdempotencyKey(header: string | undefined, inBody: string | undefined) {
  const bare = header?.trim().replace(/^"(.*)"$/, '$1')
  return schema.safeParse({ 'Idempotency-Key': bare, idempotencyKey: inBody })
}
