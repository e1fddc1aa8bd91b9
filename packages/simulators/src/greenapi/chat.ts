import { createHash } from 'node:crypto'
import { z } from 'zod'

const FORMATS = "'chatId' must be one of the next formats: 'phone_number@c.us', 'chat_id@lid' or 'group_id@g.us'"

/** https://green-api.com/en/docs/api/chat-id/ */
export const chatIdSchema = z
  .string()
  .min(1)
  .regex(/^(\d{5,16}@c\.us|\d{1,32}@lid|[\d-]{5,64}@g\.us)$/, FORMATS)

/** `33639980001`, `+33 6 39 98 00 01` or a chat id, as a chat id. */
export function chatIdFrom(text: string): string {
  return text.includes('@') ? text : `${text.replace(/\D/g, '')}@c.us`
}

/** The privacy id of a number, always the same for the same number. */
export function lidOf(chatId: string): string {
  return `${BigInt(`0x${createHash('sha256').update(chatId).digest('hex').slice(0, 12)}`)}@lid`
}
