import { CommsError } from '@pipe-comms/core'
import { z } from 'zod'
import { type Mailbox, readMailbox } from '../mailbox.ts'

/** `options` of an outbound message that this transport knows. */
export interface MailOptions {
  /** Further recipients, shown to all. Each one's refusal is told in the receipt, and none of them makes the message fail. */
  readonly cc?: readonly string[]
  /** Further recipients, shown to nobody. */
  readonly bcc?: readonly string[]
  /** Where answers to this message should go. @default that of the transport */
  readonly replyTo?: string
  /** Says that a machine wrote it, so that other machines do not answer (RFC 3834). @default a person did */
  readonly autoSubmitted?: 'auto-generated' | 'auto-replied'
}

const mailbox = z.string().transform((text, context): Mailbox => {
  const read = readMailbox(text)
  if (read) return read
  context.addIssue({ code: 'custom', message: 'expected an e-mail address' })
  return z.NEVER
})

const schema = z.strictObject({
  cc: z.array(mailbox).max(50).default([]),
  bcc: z.array(mailbox).max(50).default([]),
  replyTo: mailbox.optional(),
  autoSubmitted: z.enum(['auto-generated', 'auto-replied']).optional(),
})

/** @throws CommsError `send_rejected` */
export function readMessageOptions(options: unknown): z.output<typeof schema> {
  const checked = schema.safeParse(options ?? {})
  if (checked.success) return checked.data
  const problems = checked.error.issues.map(({ path, message }) => `${['options', ...path].join('.')}: ${message}`)
  throw new CommsError('send_rejected', `SMTP: ${problems.join('; ')}`, { failure: 'content' })
}
