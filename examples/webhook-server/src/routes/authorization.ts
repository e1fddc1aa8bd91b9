import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { jwt } from 'hono/jwt'
import type { Logger } from 'pino'
import { z } from 'zod'

/** A token that is stolen must not open the API for ever. */
const LONGEST_LIFETIME_DAYS = 366
const claims = z.looseObject({ exp: z.number(), sub: z.string().optional() })

/**
 * Lets a request through that carries a JWT signed with this secret (HS256), with an `exp` at most a year from now:
 * https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4. The body is not read before. Refusals are logged, without the token.
 */
export function authorization(secret: string, log: Logger): MiddlewareHandler {
  const signed = jwt({ secret, alg: 'HS256' })
  return async (c, next) => {
    try {
      await signed(c, async () => {
        const problem = problemOf(c)
        if (problem) throw new HTTPException(401, { message: problem })
        await next()
      })
    } catch (error) {
      if (error instanceof HTTPException && error.status === 401) {
        log.warn({ method: c.req.method, path: c.req.path, reason: reasonOf(error) }, 'API request refused: not authorized')
      }
      throw error
    }
  }
}

function problemOf(c: Context): string | undefined {
  const payload = claims.safeParse(c.get('jwtPayload'))
  if (!payload.success) return 'Expected a JWT with an exp claim, in seconds since 1970'
  const days = (payload.data.exp - Date.now() / 1000) / 86_400
  if (days > LONGEST_LIFETIME_DAYS) return `Expected a JWT that expires within ${LONGEST_LIFETIME_DAYS} days, got ${Math.round(days)}`
  return undefined
}

function reasonOf(error: HTTPException): string {
  return error.cause instanceof Error ? error.cause.name : error.message || 'unauthorized'
}
