import type { z } from 'zod'

/** What a method answers: a status, and a body that is JSON, text or nothing. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const ok = (body: unknown): Answer => ({ status: 200, body })

/** As the real service writes it: the whole path is echoed, and with it the token. */
export function validationFailed(path: string, details: string): Answer {
  const body = { statusCode: 400, timestamp: new Date().toISOString(), path, message: `Validation failed. Details: ${details}` }
  return { status: 400, body }
}

/** The first problem, in the words of the real service. */
export function detailsOf(error: z.ZodError): string {
  const issue = error.issues[0] as z.core.$ZodIssue
  const name = `'${issue.path.join('.')}'`
  switch (issue.code) {
    case 'unrecognized_keys':
      return `'${issue.keys[0]}' is not allowed`
    case 'invalid_type':
      return /undefined$/.test(issue.message) ? `${name} is required` : `${name} must be a ${issue.expected}`
    case 'too_small':
      return issue.origin === 'string' ? `${name} is not allowed to be empty` : `${name} must be at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'string'
        ? `${name} length must be less than or equal to ${issue.maximum} characters long`
        : `${name} must be at most ${issue.maximum}`
    default:
      return issue.message.startsWith("'") ? issue.message : `${name} is not valid`
  }
}
