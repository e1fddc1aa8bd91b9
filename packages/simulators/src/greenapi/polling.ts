import { type Answer, ok, validationFailed } from './answer.ts'
import type { Instance } from './instance.ts'
import type { Call } from './sending.ts'

const WEBHOOK_SET = {
  code: 'INVALID_PARAM',
  message: 'Message cannot be received because custom webhook url is set. Please clear webhook url and wait for about 1 minute',
  status: 'error',
}

/** The oldest notification, which comes again until it is deleted; `null` when none came in time. */
export async function receiveNotification(instance: Instance, { query, path }: Call, signal: AbortSignal): Promise<Answer> {
  if (instance.account.settings().webhookUrl !== '') return { status: 400, body: WEBHOOK_SET }
  const seconds = Number(query.receiveTimeout ?? 5)
  if (!(seconds >= 5 && seconds <= 60)) return validationFailed(path, "'receiveTimeout' must be between 5 and 60")
  const head = await instance.notifications.headWithin(seconds * 1000, AbortSignal.any([signal, instance.schedule.stopped]))
  return ok(head ? { receiptId: head.receiptId, body: bodyOf(head.body) } : null)
}

export function deleteNotification(instance: Instance, receiptId: string): Answer {
  return ok({ result: instance.notifications.remove(Number(receiptId)) })
}

/** What is no JSON can only be told as text here. */
function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
