import { CommsError } from '@pipe-comms/core'
import { z } from 'zod'

/** What `options` of an outbound message may hold for this transport. Each goes with the methods that take it, and is refused elsewhere. */
export interface GreenApiMessageOptions {
  /** How long the other party sees that we are typing, 1000 to 20000 milliseconds. With a text or a file by URL. @default none */
  readonly typingTime?: number
  /** `recording`: the other party sees that we are recording. With a file by URL and `typingTime`. @default typing */
  readonly typingType?: 'recording'
  /** Whether a link in the text has a preview. With a text. @default as the instance is set */
  readonly linkPreview?: boolean
  /** Size of that preview. With a text. @default "large" */
  readonly typePreview?: 'large' | 'small'
}

const schema = z.strictObject({
  typingTime: z.number().int().min(1_000).max(20_000).optional(),
  typingType: z.literal('recording').optional(),
  linkPreview: z.boolean().optional(),
  typePreview: z.enum(['large', 'small']).optional(),
})

export type MessageOptions = z.infer<typeof schema>

/** @throws CommsError `send_rejected`, naming each option that is wrong. */
export function messageOptions(given: Readonly<Record<string, unknown>> = {}): MessageOptions {
  const checked = schema.safeParse(given)
  if (checked.success) return checked.data
  const problems = checked.error.issues.map(({ path, message }) => `${['options', ...path].join('.')}: ${message}`)
  throw new CommsError('send_rejected', `Green-API: ${problems.join('; ')}`, { failure: 'content' })
}

/** The options that this method takes. @throws CommsError `send_rejected` when there is another one. */
export function optionsFor(
  method: string,
  names: readonly (keyof MessageOptions)[],
  options: MessageOptions,
): Readonly<Record<string, unknown>> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const others = given.map(([name]) => name).filter((name) => !names.some((taken) => taken === name))
  if (others.length === 0) return Object.fromEntries(given)
  throw new CommsError('send_rejected', `Green-API: ${method} takes no option ${others.join(', ')}`, { failure: 'content' })
}
