import {
  bodyText,
  CommsError,
  type ContactAddress,
  type EventFact,
  idempotencyKey,
  type MessageContent,
  parseContactAddress,
  type WebhookRequest,
} from '@pipe-comms/core'
import type { z } from 'zod'
import { envelopeSchema, type Message, messageSchema, type Quoted, receivedSchema } from './notification.ts'

/**
 * The facts in one notification of this instance.
 * @throws CommsError `webhook_unparsable` for what is not understood (yet).
 */
export function parseNotification(request: WebhookRequest, idInstance: string): EventFact[] {
  const raw = parseJson(request)
  const { typeWebhook, instanceData } = check(envelopeSchema, raw, 'a notification')
  if (instanceData.idInstance !== idInstance) {
    throw unparsable(`expected a notification of instance ${idInstance}, got one of instance ${instanceData.idInstance}`)
  }
  switch (typeWebhook) {
    case 'incomingMessageReceived':
      return [received(raw)]
    default:
      throw unparsable(`typeWebhook ${JSON.stringify(typeWebhook.slice(0, 60))} is not known`)
  }
}

function received(raw: z.core.util.JSONType): EventFact {
  const notification = check(receivedSchema, raw, 'an incomingMessageReceived')
  const { idMessage, senderData, messageData, instanceData, timestamp } = notification
  const { typeMessage } = messageData
  if (!messageSchema.options.some((option) => option.shape.typeMessage.value === typeMessage)) {
    throw unparsable(`typeMessage ${JSON.stringify(typeMessage.slice(0, 60))} is not known`)
  }
  const message = check(messageSchema, messageData, `a ${typeMessage}`)
  const contact = address(senderData.chatId)
  const author = senderData.sender && senderData.sender !== senderData.chatId ? address(senderData.sender) : undefined
  const contactName = senderData.senderContactName || senderData.senderName || undefined
  return {
    type: 'message.received',
    idempotencyKey: idempotencyKey('greenapi', instanceData.idInstance, 'received', senderData.chatId, idMessage),
    channel: 'whatsapp',
    provider: 'greenapi',
    account: instanceData.idInstance,
    direction: 'inbound',
    contact,
    // Empty while the instance is not authorised.
    ...(instanceData.wid ? { endpoint: address(instanceData.wid) } : {}),
    messageId: `greenapi:${idMessage}`,
    providerMessageId: idMessage,
    ...(timestamp === undefined ? {} : { occurredAt: new Date(timestamp * 1000).toISOString() }),
    source: { via: 'webhook', raw },
    data: { ...contentOf(message), ...(author ? { author } : {}), ...(contactName === undefined ? {} : { contactName }) },
  }
}

function contentOf(message: Message): MessageContent {
  const quoted = message.quotedMessage?.stanzaId ? { quoted: quotedOf(message.quotedMessage, message.quotedMessage.stanzaId) } : {}
  switch (message.typeMessage) {
    case 'textMessage': {
      const { textMessage, isTemplateMessage } = message.textMessageData
      return { ...textOrFlag(textMessage, isTemplateMessage ? ['template'] : []), ...quoted }
    }
    case 'extendedTextMessage': {
      const { text, title, description, previewType, isForwarded, forwardingScore = 0 } = message.extendedTextMessageData
      const link = {
        ...(title ? { title } : {}),
        ...(description ? { description } : {}),
        ...(previewType && previewType !== 'None' ? { preview: previewType } : {}),
      }
      return {
        ...textOrFlag(text, []),
        ...(Object.keys(link).length > 0 ? { link } : {}),
        ...(isForwarded ? { forwarded: { score: Math.max(0, Math.trunc(forwardingScore)) } } : {}),
        ...quoted,
      }
    }
  }
}

/** Codes that stand where the text should be: https://green-api.com/en/docs/api/common-errors/ */
const TEXT_CODES: Readonly<Record<string, string>> = {
  '{{SWE001}}': 'not-delivered-to-linked-devices',
  '{{SWE003}}': 'undecryptable',
}

function textOrFlag(text: string, flags: readonly string[]): MessageContent {
  const flag = TEXT_CODES[text.trim()]
  if (flag) return { flags: [...flags, flag] }
  return flags.length > 0 ? { text, flags: [...flags] } : { text }
}

function quotedOf(quoted: Quoted, stanzaId: string): NonNullable<MessageContent['quoted']> {
  const text = quoted.textMessage ?? quoted.extendedTextMessage?.text ?? quoted.caption
  return {
    providerMessageId: stanzaId,
    ...(quoted.participant ? { author: address(quoted.participant) } : {}),
    ...(text === undefined ? {} : { text }),
    ...(quoted.typeMessage ? { type: quoted.typeMessage } : {}),
  }
}

function address(chatId: string): ContactAddress {
  try {
    return parseContactAddress(chatId)
  } catch (cause) {
    throw unparsable(`expected a chat id, got ${JSON.stringify(chatId.slice(0, 60))}`, cause)
  }
}

function parseJson(request: WebhookRequest): z.core.util.JSONType {
  try {
    return JSON.parse(bodyText(request)) as z.core.util.JSONType
  } catch (cause) {
    throw unparsable('the body is not JSON', cause)
  }
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const problems = checked.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
  throw unparsable(`expected ${what}: ${problems.join('; ')}`)
}

function unparsable(reason: string, cause?: unknown): CommsError {
  return new CommsError('webhook_unparsable', `Green-API: ${reason}`, cause === undefined ? {} : { cause })
}
