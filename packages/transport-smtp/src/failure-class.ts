import type { FailureClass } from '@pipe-comms/core'

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
 * Whose fault a final refusal is. https://www.rfc-editor.org/rfc/rfc3463#section-3
 * @param afterMessage whether the whole message had been seen: without an enhanced code, the stage tells what was refused.
 */
export function failureClassOf({ reply, enhanced, text }: MailStatus, afterMessage: boolean): FailureClass {
  const [, subject, detail] = /^\d\.(\d+)\.(\d+)$/.exec(enhanced ?? '') ?? []
  switch (subject) {
    case '1':
      // 7 and 8 are about the sender's address.
      return detail === '7' || detail === '8' ? 'configuration' : 'recipient'
    case '2':
      return detail === '3' ? 'content' : 'recipient'
    case '3':
      return detail === '4' ? 'content' : 'provider'
    case '4':
      // No such domain, and Exchange Online's "recipient address rejected: access denied", which is an unknown recipient.
      return detail === '1' || detail === '4' ? 'recipient' : 'provider'
    case '5':
      return 'provider'
    case '6':
      return 'content'
    case '7':
      return 'policy'
  }
  if (/\b(spam|blocked|blacklist|blocklist|policy|dmarc|reputation)/i.test(text)) return 'policy'
  if (reply === 550 || reply === 551 || reply === 553) return afterMessage ? 'content' : 'recipient'
  if (reply === 552) return /quota|full/i.test(text) ? 'recipient' : 'content'
  if (reply === 554) return afterMessage ? 'content' : 'recipient'
  return 'provider'
}
