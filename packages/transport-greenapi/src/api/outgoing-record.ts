import { z } from 'zod'
import { type InstanceApi, parsed } from './instance.ts'

/** A message that waits in the instance's queue. https://green-api.com/en/docs/api/queues/ShowMessagesQueue/ */
const queuedSchema = z.looseObject({
  messageID: z.string().min(1).optional(),
  messagesIDs: z.array(z.string().min(1)).optional(),
  type: z.string().default(''),
  body: z.looseObject({}).default({}),
})
export type QueuedMessage = z.infer<typeof queuedSchema>

/** A message in the journal: flatter than in a notification. https://green-api.com/en/docs/api/journals/LastOutgoingMessages/ */
const journalSchema = z.looseObject({
  idMessage: z.string().min(1),
  chatId: z.string(),
  /** Unix seconds. */
  timestamp: z.number().int().positive().max(99_999_999_999),
  typeMessage: z.string().default(''),
  sendByApi: z.boolean().optional(),
  isEdited: z.boolean().optional(),
  isDeleted: z.boolean().optional(),
})
export type JournalMessage = z.infer<typeof journalSchema>

/** Nothing when the answer is no queue that we know: then it says nothing. @throws CommsError as any call. */
export async function showMessagesQueue(api: InstanceApi, signal: AbortSignal): Promise<QueuedMessage[] | undefined> {
  const text = await api.call({ method: 'showMessagesQueue', verb: 'GET', lost: 'send_unavailable', signal })
  return z.array(queuedSchema).safeParse(parsed(text)).data
}

/** The messages of the last so many minutes. Nothing when the answer is no journal that we know. @throws CommsError as any call. */
export async function lastOutgoingMessages(api: InstanceApi, minutes: number, signal: AbortSignal): Promise<JournalMessage[] | undefined> {
  const call = { method: 'lastOutgoingMessages', verb: 'GET', rest: `?minutes=${minutes}`, lost: 'send_unavailable', signal } as const
  return z.array(journalSchema).safeParse(parsed(await api.call(call))).data
}
