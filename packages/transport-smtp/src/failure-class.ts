import type { FailureClass } from '@pipe-comms/core'
import { plain } from './bounce-words.ts'
import { classOfProviderCode, classOfWords } from './refusal-codes.ts'

/** What a reply or a report says: the basic code, the enhanced one where there is one, and its words. */
export interface MailStatus {
  /** `550`; nothing in reports that give the enhanced code alone. */
  readonly reply: number | undefined
  /** `5.1.1` (RFC 3463). */
  readonly enhanced: string | undefined
  readonly text: string
}

/** Reads `550 5.1.1 No such user`, `550-5.1.1 …`, `#5.1.1` and their like, wherever they stand in the text. */
export function readStatus(text: string): MailStatus {
  const reply = /(?:^|[^\d.])([2-5]\d\d)(?=[ -])/.exec(text)?.[1]
  const enhanced = /(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(text)?.[1]
  return { reply: reply === undefined ? undefined : Number(reply), enhanced, text }
}

/** The code that events keep: the enhanced one where there is one. */
export function providerCodeOf({ reply, enhanced }: MailStatus): string | undefined {
  return enhanced ?? (reply === undefined ? undefined : String(reply))
}

/**
 * Whose fault a final refusal is: as the provider's own code says, else the enhanced code when it is a specific one, else the words, else the
 * subject of the enhanced code or the reply. Codes x.y.0 mean "other or undefined" (https://www.rfc-editor.org/rfc/rfc3463#section-3): large
 * providers put them on everything.
 * @param afterMessage whether the whole message had been seen: without an enhanced code, the stage tells what was refused.
 */
export function failureClassOf({ reply, enhanced, text }: MailStatus, afterMessage: boolean): FailureClass {
  const own = classOfProviderCode(text)
  if (own) return own
  const [, subject = '', detail = ''] = /^\d\.(\d+)\.(\d+)$/.exec(enhanced ?? '') ?? []
  const specific = Number(detail) > 0 ? SPECIFIC[`${subject}.${detail}`] : undefined
  if (specific) return specific
  const bySubject = SUBJECT[subject]
  if (bySubject && Number(detail) > 0) return bySubject
  return classOfWords(plain(text)) ?? bySubject ?? classOfReply(reply, afterMessage)
}

/** By subject and detail, where they differ from the others of the subject. */
const SPECIFIC: Readonly<Record<string, FailureClass>> = {
  // About the sender's address.
  '1.7': 'configuration',
  '1.8': 'configuration',
  '2.3': 'content',
  '3.4': 'content',
  // No such domain, and Exchange Online's "recipient address rejected: access denied", which is an unknown recipient.
  '4.1': 'recipient',
  '4.4': 'recipient',
}

const SUBJECT: Readonly<Record<string, FailureClass>> = {
  '1': 'recipient',
  '2': 'recipient',
  '3': 'provider',
  '4': 'provider',
  '5': 'provider',
  '6': 'content',
  '7': 'policy',
}

function classOfReply(reply: number | undefined, afterMessage: boolean): FailureClass {
  switch (reply) {
    case 550:
    case 551:
    case 553:
    case 554:
      return afterMessage ? 'content' : 'recipient'
    case 552:
      return 'content'
    default:
      return 'provider'
  }
}
