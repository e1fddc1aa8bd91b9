import { readLeniently } from '@pipe-comms/core'
import { z } from 'zod'
import { type InstanceApi, parsed } from './instance.ts'

/** A message that waits in the instance's queue. https://green-api.com/en/docs/api/queues/ShowMessagesQueue/ */
const queuedSchema = z.looseObject({
  messageID: z.string().min(1).nullish(),
  messagesIDs: z.array(z.string().min(1)).nullish(),
  type: z.string().default(''),
  body: z.looseObject({}).default({}),
})
export type QueuedMessage = z.infer<typeof queuedSchema>

/** A message in the journal: flatter than in a notification. https://green-api.com/en/docs/api/journals/LastOutgoingMessages/ */
const journalSchema = z.looseObject({
  idMessage: z.string().min(1).nullish(),
  chatId: z.string().nullish(),
  /** Unix seconds. */
  timestamp: z.number().int().positive().max(99_999_999_999).nullish(),
  typeMessage: z.string().default(''),
  sendByApi: z.boolean().nullish(),
  isEdited: z.boolean().nullish(),
  isDeleted: z.boolean().nullish(),
})
export type JournalMessage = z.infer<typeof journalSchema>

/** A record that cannot be read at all, in its place in the list. */
export const UNREADABLE = 'unreadable'
type Records<Message> = (Message | typeof UNREADABLE)[]

/** Nothing when the answer is no queue that we know: then it says nothing. @throws CommsError as any call. */
export async function showMessagesQueue(api: InstanceApi, signal: AbortSignal): Promise<Records<QueuedMessage> | undefined> {
  const text = await api.call({ method: 'showMessagesQueue', verb: 'GET', lost: 'send_unavailable', signal })
  return recordsIn(text, queuedSchema)
}

/** The messages of the last so many minutes. Nothing when the answer is no journal that we know. @throws CommsError as any call. */
export async function lastOutgoingMessages(
  api: InstanceApi,
  minutes: number,
  signal: AbortSignal,
): Promise<Records<JournalMessage> | undefined> {
  const call = { method: 'lastOutgoingMessages', verb: 'GET', rest: `?minutes=${minutes}`, lost: 'send_unavailable', signal } as const
  return recordsIn(await api.call(call), journalSchema)
}

/** One record after the other: an odd one must not hide the others. */
function recordsIn<Schema extends z.ZodType>(text: string, schema: Schema): Records<z.output<Schema>> | undefined {
  const list = parsed(text)
  if (!Array.isArray(list)) return undefined
  return list.map((item) => {
    const read = readLeniently(schema, item)
    return read.success ? read.data : UNREADABLE
  })
}
