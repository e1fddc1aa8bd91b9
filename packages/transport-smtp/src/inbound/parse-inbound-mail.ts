import { CommsError, type ContactAddress, type EventFact } from '@pipe-comms/core'
import { type ConsentClaim, optedOutFact } from './consent-mail.ts'
import { type MailThread, mailThread } from './mail-thread.ts'
import type { MailReading } from './read-mail.ts'

export interface InboundMailOptions {
  /** The transport's account, so that the facts are those of its messages. */
  readonly account: string
  /** Our address, whose domain our Message-IDs have. @default the account, when it is one */
  readonly address?: string
  /**
   * The contact of a message of ours, by our messageId, as the log knows it: the proof of complaints and opt-outs. Core finds it with
   * `(await store.find(idempotencyKey('request', messageId)))?.contact`. @default none of them is proven this way
   */
  readonly recipientOf?: RecipientOf
  /**
   * The server that receives our mail, as the first word of its `Authentication-Results`: what it says of DMARC proves who wrote an
   * opt-out. It must remove such headers with its own name from what comes in. @default no server is believed
   */
  readonly authservId?: string
  /** `unsubscribe.mailto` of the transport: mails to it are opt-outs. @default mails whose subject is the word `unsubscribe` */
  readonly unsubscribeMailto?: string
  /** How the mail was had. @default "poll" */
  readonly via?: 'webhook' | 'poll' | 'import'
  /** A mail of at most this many bytes is kept whole beside the fact, of a larger one the headers. @default 262144 (256 KiB) */
  readonly maxRawBytes?: number
}

export type RecipientOf = (messageId: string) => ContactAddress | undefined | Promise<ContactAddress | undefined>

/**
 * The facts in one mail, whole as it came: from IMAP, a pipe, a webhook. Equal mails give equal facts. The mail is parsed in a thread of
 * its own, with limits on time and memory.
 *
 * | mail | fact |
 * |---|---|
 * | delivery status notification, or a bounce in words (qmail, Exim, Exchange) | `message.failed`, `message.delivered`, `message.in_transit`, one for each recipient |
 * | notice that it was read | `message.read` |
 * | complaint: somebody called our mail spam | `contact.opted_out`, when it holds a Message-ID of ours that was sent to that address |
 * | mail with the token of `List-Unsubscribe`, or to its address from an authenticated sender | `message.received` and `contact.opted_out` |
 * | everything else | `message.received`; with the flag `automatic` no person wrote it, and it must not be answered by a machine |
 *
 * A complaint or an opt-out that is not proven is a `message.received` with the flag `complaint-unproven` or `unsubscribe-unproven`, for a
 * person to confirm.
 *
 * @example
 * const facts = await parseInboundMail(raw, { account: 'sales@example.com' })
 * @throws CommsError `webhook_unparsable` when it is no mail from anybody, or one over a limit.
 */
export function parseInboundMail(raw: Uint8Array | string, options: InboundMailOptions): Promise<readonly EventFact[]> {
  return parseInThread(raw, options, mailThread)
}

export async function parseInThread(
  raw: Uint8Array | string,
  { recipientOf, ...options }: InboundMailOptions,
  thread: MailThread,
): Promise<readonly EventFact[]> {
  const answer = await thread.run({ mail: typeof raw === 'string' ? new TextEncoder().encode(raw) : new Uint8Array(raw), options })
  if ('reading' in answer) return settleClaim(answer.reading, recipientOf)
  throw new CommsError('webhook_unparsable', 'unreadable' in answer ? answer.unreadable : 'SMTP: expected a mail')
}

/** Whether a received message has the flag that no machine may answer it. */
export function isAutomaticMail(content: { readonly flags?: readonly string[] | undefined }): boolean {
  return content.flags?.includes('automatic') ?? false
}

/** The opting-out when the claim is proven, else the mail with the flag that it is not. */
async function settleClaim({ facts, claim, name }: MailReading, recipientOf: RecipientOf | undefined): Promise<readonly EventFact[]> {
  if (!claim) return facts
  const { kind, messageId, about } = claim
  const recipient = messageId === undefined ? undefined : await recipientOf?.(messageId)
  // The message of a complaint must have been sent to the address that complains; a token is as good from another address of the person.
  if (recipient && (kind === 'unsubscribe' || about === undefined || about.value === recipient.value)) {
    const proven = optedOutFact(claim, recipient, name, messageId)
    return kind === 'complaint' ? [proven] : [...facts, proven]
  }
  if (claim.authenticated && about) return [...facts, optedOutFact(claim, about, name)]
  return facts.map((fact) => unproven(fact, claim))
}

function unproven(fact: EventFact, { kind, messageId, about, optedOut }: ConsentClaim): EventFact {
  if (fact.type !== 'message.received') return fact
  const { flags = [], extra } = fact.data
  const claimed = {
    ...(about ? { contact: about.value } : {}),
    ...(messageId === undefined ? {} : { messageId }),
    ...(optedOut.data.extra ?? {}),
  }
  return { ...fact, data: { ...fact.data, flags: [...flags, `${kind}-unproven`], extra: { ...extra, [kind]: claimed } } }
}
