import type { Complete } from './options.ts'

/** The answer of status 466. The spelling is QUOTE here and QUOTA in the notification. https://green-api.com/en/docs/api/receiving/notifications-format/QuotaExceeded/ */
interface QuotaRefusal {
  readonly invokeStatus: { method: string; used: number; total: number; status: string; description?: string }
  readonly correspondentsStatus?: { method: string; used: number; total: number; status: string; description: string }
}

export interface Quota {
  /** Counts a message to this chat; an answer means that it is over the plan. */
  send(method: string, chatId: string): QuotaRefusal | undefined
  /** Counts a check of a number; true means that it is over the plan. */
  check(): boolean
}

export function createQuota({ correspondents, checks }: Complete): Quota {
  const people = new Set<string>()
  let sent = 0
  let checked = 0
  return {
    send(method, chatId) {
      sent += 1
      if (people.has(chatId) || people.size < correspondents) {
        people.add(chatId)
        return undefined
      }
      return {
        invokeStatus: { method: method.toLowerCase(), used: sent, total: 0, status: 'QUOTE_ALLOWED' },
        correspondentsStatus: {
          method: 'correspondents',
          used: people.size,
          total: correspondents,
          status: 'CORRESPONDENTS_QUOTE_EXCEEDED',
          description: `Monthly quota has been exceeded. You can only send or receive messages from these numbers: ${[...people].join(',')}.`,
        },
      }
    },
    check() {
      checked += 1
      return checked > checks
    },
  }
}
