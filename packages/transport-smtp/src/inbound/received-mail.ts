import type { EventFact, Media } from '@pipe-comms/core'
import type { Attachment, ParsedMail } from 'mailparser'
import { bareMessageId } from '../message-id.ts'
import { automaticFlags } from './automatic-mail.ts'
import { factKey, type InboundContext } from './inbound-context.ts'
import { MAX_FILES } from './mail-limits.ts'
import { senderOf } from './mail-sender.ts'
import type { MimeEntity } from './mime-entity.ts'

/** Threads grow without end; the first and the last of their references say enough. */
const MAX_REFERENCES = 50

/**
 * A mail somebody wrote. Only the writer is needed; whatever else is missing or odd is left out.
 * @param name of the mail, which tells it from another with the same Message-ID
 * @throws CommsError `webhook_unparsable` when it names no author.
 */
export function receivedFact(
  mail: MimeEntity,
  parsed: ParsedMail,
  context: InboundContext,
  name: string,
  more: readonly string[],
): EventFact {
  const { account, endpoint, occurredAt, source } = context
  const { contact, contactName } = senderOf(mail, parsed)
  const flags = [...new Set([...automaticFlags(mail, parsed.subject), ...more])]
  const { text, html, subject, attachments } = parsed
  const media = attachments.slice(0, MAX_FILES).map((attachment, index) => mediaOf(attachment, `${name}#${index + 1}`))
  const thread = threadOf(mail)
  const [answered] = thread.inReplyTo ?? []
  const replyTo = parsed.replyTo?.value[0]?.address
  const extra = {
    ...(replyTo && replyTo.toLowerCase() !== contact.value ? { replyTo: storable(replyTo) } : {}),
    ...(attachments.length > MAX_FILES ? { filesLeftOut: attachments.length - MAX_FILES } : {}),
  }
  return {
    type: 'message.received',
    idempotencyKey: factKey(account, 'received', contact.value, name),
    channel: 'email',
    provider: 'smtp',
    account,
    direction: 'inbound',
    contact,
    ...(endpoint ? { endpoint } : {}),
    messageId: `smtp:${name}`,
    providerMessageId: name,
    ...(occurredAt === undefined ? {} : { occurredAt }),
    source,
    data: {
      ...(text ? { text: storable(text) } : {}),
      ...(subject === undefined ? {} : { subject: storable(subject) }),
      ...(html ? { html: storable(html) } : {}),
      ...(media.length > 0 ? { media } : {}),
      ...(Object.keys(thread).length > 0 ? { thread } : {}),
      ...(answered === undefined ? {} : { quoted: { providerMessageId: answered } }),
      ...(flags.length > 0 ? { flags } : {}),
      ...(contactName ? { contactName: storable(contactName) } : {}),
      ...(Object.keys(extra).length > 0 ? { extra } : {}),
    },
  }
}

function threadOf(mail: MimeEntity) {
  const ids = (value = '') => [...value.matchAll(/<[^<>\s]{1,1000}>/g)].map(([id]) => bareMessageId(id)).filter((id) => id !== undefined)
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
