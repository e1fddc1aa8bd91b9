import { z } from 'zod'
import { type Answer, detailsOf, ok, validationFailed } from './answer.ts'
import { chatIdSchema } from './chat.ts'
import type { Instance } from './instance.ts'
import type { KeptMessage } from './message.ts'
import { messageDataFor, type SendMethod, sendSchemas } from './send-methods.ts'

/** One call, with its body as it came. */
export interface Call {
  readonly method: string
  /** With the token, as the real service echoes it. */
  readonly path: string
  readonly body: unknown
  readonly query: Readonly<Record<string, string>>
}

export function isSendMethod(method: string): method is SendMethod {
  return method in sendSchemas
}

/** Takes a message into the queue and answers with its id: all that this answer means is "queued". */
export function send(instance: Instance, method: SendMethod, { path, body }: Call, urlFile?: string): Answer {
  const checked = sendSchemas[method].safeParse(body)
  if (!checked.success) return validationFailed(path, detailsOf(checked.error))
  const refusal = notNow(instance, method, checked.data.chatId)
  if (refusal) return refusal
  const quoted = checked.data.quotedMessageId
  const messageData = {
    ...messageDataFor(method, checked.data as never, urlFile),
    ...(quoted ? { quotedMessage: { stanzaId: quoted, participant: checked.data.chatId } } : {}),
  }
  const idMessage = enqueue(instance, method, checked.data, messageData)
  return ok({ idMessage, ...(urlFile === undefined ? {} : { urlFile }) })
}

const forwardSchema = z.strictObject({ chatId: chatIdSchema, chatIdFrom: chatIdSchema, messages: z.array(z.string().min(1)).min(1) })

export function forwardMessages(instance: Instance, { path, body, method }: Call): Answer {
  const checked = forwardSchema.safeParse(body)
  if (!checked.success) return validationFailed(path, detailsOf(checked.error))
  const { chatId, chatIdFrom, messages } = checked.data
  const found = messages.map((id) => instance.archive.find(chatIdFrom, id))
  if (found.includes(undefined)) return validationFailed(path, "'messages' are not in the chat 'chatIdFrom'")
  const refusal = notNow(instance, method, chatId)
  if (refusal) return refusal
  const ids = (found as KeptMessage[]).map(({ messageData }) => enqueue(instance, method, checked.data, messageData))
  return ok({ messages: ids })
}

function notNow(instance: Instance, method: string, chatId: string): Answer | undefined {
  const state = instance.account.state()
  if (state === 'starting') return { status: 400, body: 'instance in starting process try later' }
  if (state === 'suspended' || state === 'blocked') return { status: 403, body: 'Your account is suspended' }
  const over = instance.quota.send(method, chatId)
  if (!over) return undefined
  const { method: counted, used, total, description } = over.correspondentsStatus ?? over.invokeStatus
  instance.notifier.quota({ method: counted, used, total, status: 'CORRESPONDENTS_QUOTA_EXCEEDED', description: description ?? '' })
  return { status: 466, body: over }
}

function enqueue(instance: Instance, method: string, body: { chatId: string }, messageData: KeptMessage['messageData']): string {
  const idMessage = instance.options.newId()
  instance.outgoing.add({ idMessage, method, body, chatId: body.chatId, messageData })
  return idMessage
}
