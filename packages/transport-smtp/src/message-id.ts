/**
 * The Message-ID of a message, without angle brackets: `<our messageId>@<the sender's domain>`, so it is the same on every attempt and tells,
 * when it comes back in a report, which message of ours it was. What may not stand in a Message-ID is written `=XX`.
 * https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
 */
export function messageIdOf(messageId: string, domain: string): string {
  const bytes = [...Buffer.from(messageId)]
  const local = bytes
    .map((byte, index) => {
      const sign = String.fromCharCode(byte)
      if (/[a-z0-9!#$%&'*+/?^_`{|}~-]/i.test(sign)) return sign
      // A dot is allowed inside, not at the ends nor twice; one that stands alone is the common case.
      if (sign === '.' && index > 0 && index < bytes.length - 1 && bytes[index - 1] !== byte) return sign
      return `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
  return `${local}@${domain}`
}

/** Our own messageId, when this Message-ID is one that we give for this domain. */
export function ownMessageId(messageIdHeader: string, domain: string): string | undefined {
  const at = messageIdHeader.lastIndexOf('@')
  if (at <= 0 || messageIdHeader.slice(at + 1).toLowerCase() !== domain) return undefined
  const bytes = messageIdHeader.slice(0, at).replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString() || undefined
}

/** A Message-ID without its angle brackets; nothing for what is none. */
export function bareMessageId(text: string): string | undefined {
  const bare = text
    .trim()
    .replace(/^<(.*)>$/s, '$1')
    .trim()
  return /^[\x21-\x7e]{1,400}$/.test(bare) && !/[<>]/.test(bare) ? bare : undefined
}
