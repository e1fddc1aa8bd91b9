import { CommsError, type ContactAddress, type EventFact, type Media, parseContactAddress } from '@pipe-comms/core'
import type { Attachment, ParsedMail } from 'mailparser'
import { bareMessageId } from '../message-id.ts'
import { automaticFlags } from './automatic-mail.ts'
import { factKey, type InboundContext } from './inbound-context.ts'
import type { MimeEntity } from './mime-entity.ts'

/** Threads grow without end; the first and the last of their references say enough. */
const MAX_REFERENCES = 50

/** A mail somebody wrote. @throws CommsError `webhook_unparsable` when nobody says to have written it. */
export function receivedFact(
  mail: MimeEntity,
  parsed: ParsedMail,
  context: InboundContext,
  more: readonly string[],
): EventFact & { readonly contact: ContactAddress } {
  const { account, endpoint, mailId, occurredAt, source } = context
  const [from] = parsed.from?.value ?? []
  const contact = senderOf(from?.address)
  const flags = [...new Set([...automaticFlags(mail, parsed.subject), ...more])]
  const { text, html, subject, attachments } = parsed
  const thread = threadOf(mail)
  const [answered] = thread.inReplyTo ?? []
  const replyTo = parsed.replyTo?.value[0]?.address
  return {
    type: 'message.received',
    idempotencyKey: factKey(account, 'received', contact.value, mailId),
    channel: 'email',
    provider: 'smtp',
    account,
    direction: 'inbound',
    contact,
    ...(endpoint ? { endpoint } : {}),
    messageId: `smtp:${mailId}`,
    providerMessageId: mailId,
    ...(occurredAt === undefined ? {} : { occurredAt }),
    source,
    data: {
      ...(text ? { text: storable(text) } : {}),
      ...(subject === undefined ? {} : { subject: storable(subject) }),
      ...(html ? { html: storable(html) } : {}),
      ...(attachments.length > 0 ? { media: attachments.map((attachment, index) => mediaOf(attachment, `${mailId}#${index + 1}`)) } : {}),
      ...(Object.keys(thread).length > 0 ? { thread } : {}),
      ...(answered === undefined ? {} : { quoted: { providerMessageId: answered } }),
      ...(flags.length > 0 ? { flags } : {}),
      ...(from?.name ? { contactName: storable(from.name) } : {}),
      ...(replyTo && replyTo.toLowerCase() !== contact.value ? { extra: { replyTo: storable(replyTo) } } : {}),
    },
  }
}

function senderOf(address: string | undefined): ContactAddress {
  try {
    const contact = parseContactAddress(address ?? '')
    if (contact.kind === 'email') return contact
  } catch {
    // Said below.
  }
  throw new CommsError(
    'webhook_unparsable',
    `SMTP: expected a mail with an e-mail address in From, got ${JSON.stringify((address ?? '').slice(0, 60))}`,
  )
}

function threadOf(mail: MimeEntity) {
  const ids = (value = '') => [...value.matchAll(/<[^<>\s]+>/g)].map(([id]) => bareMessageId(id)).filter((id) => id !== undefined)
  const own = bareMessageId(mail.header('message-id') ?? '')
  const inReplyTo = ids(mail.header('in-reply-to'))
  const references = ids(mail.header('references'))
  return {
    ...(own === undefined ? {} : { messageIdHeader: own }),
    ...(inReplyTo.length > 0 ? { inReplyTo } : {}),
    ...(references.length > 0
      ? { references: references.length > MAX_REFERENCES ? [references[0] as string, ...references.slice(1 - MAX_REFERENCES)] : references }
      : {}),
  }
}

/** The file stays in the mail: `providerMediaId` is the mail and the number of the file in it. */
function mediaOf({ contentType, filename, size, contentId }: Attachment, providerMediaId: string): Media {
  const [, kind = 'document'] = /^(image|video|audio)\//.exec(contentType) ?? []
  const cid = contentId?.replace(/^<|>$/g, '')
  return {
    kind: kind as Media['kind'],
    providerMediaId,
    ...(contentType ? { mimeType: contentType } : {}),
    ...(filename ? { fileName: storable(filename) } : {}),
    sizeBytes: size,
    ...(cid ? { contentId: storable(cid) } : {}),
  }
}

/** NUL is in no text anybody wrote, and some databases cannot hold it. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '\ufffd')
}
