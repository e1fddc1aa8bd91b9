import type { Account } from './account.ts'
import type { Archive } from './archive.ts'
import type { KeptMessage } from './message.ts'
import type { Notifier } from './notifier.ts'
import type { Pending } from './pending.ts'
import type { Schedule } from './schedule.ts'

/** A message that the API took and that has not left yet. */
interface WaitingMessage {
  readonly idMessage: string
  readonly method: string
  readonly body: Readonly<Record<string, unknown>>
  readonly chatId: string
  readonly messageData: KeptMessage['messageData']
}

/** First in, first out, one message each `delaySendMessagesMilliseconds`, while the instance is authorised. */
export interface OutgoingQueue {
  add(message: WaitingMessage): void
  /** As `showMessagesQueue` shows it. */
  show(): Record<string, unknown>[]
  clear(): void
}

/** What happens to a message when it has left: milliseconds after, and status. */
const COURSE = [
  [300, 'sent'],
  [1_000, 'delivered'],
  [2_000, 'read'],
] as const
const DROPPED_AFTER_MS = 86_400_000
/** "Up to 2 minutes late": https://green-api.com/en/docs/api/journals/LastOutgoingMessages/ */
const JOURNAL_LATE_MS = 120_000

export function createOutgoingQueue(options: {
  account: Account
  archive: Archive
  notifier: Notifier
  schedule: Schedule
  pending: Pending
  clock: { now(): number }
  hasWhatsapp: (chatId: string) => boolean
}): OutgoingQueue {
  const { account, archive, notifier, schedule, pending, clock, hasWhatsapp } = options
  const waiting: (WaitingMessage & { readonly since: number })[] = []
  let running = false

  const run = async () => {
    running = true
    while (waiting.length > 0 && !schedule.stopped.aborted) {
      await schedule.pause(account.settings().delaySendMessagesMilliseconds)
      if (schedule.stopped.aborted) break
      const [next] = waiting
      if (next && clock.now() - next.since > schedule.scaled(DROPPED_AFTER_MS)) drop()
      else if (next && account.state() === 'authorized') leave(waiting.shift() as WaitingMessage)
    }
    running = false
  }
  const drop = () => {
    waiting.shift()
    pending.end()
  }
  const leave = ({ idMessage, chatId, messageData }: WaitingMessage) => {
    const now = clock.now()
    const message: KeptMessage = {
      idMessage,
      type: 'outgoing',
      chatId,
      timestamp: Math.floor(now / 1000),
      sendByApi: true,
      messageData,
      statusMessage: 'pending',
      isEdited: false,
      isDeleted: false,
      inJournal: false,
    }
    archive.keep(message)
    schedule.after(JOURNAL_LATE_MS, () => {
      message.inJournal = true
    })
    notifier.message(message)
    const status = (name: string, description?: string) => {
      message.statusMessage = name
      notifier.status(message, name, description)
    }
    if (!hasWhatsapp(chatId)) {
      status('noAccount', 'The recipient does not have a WhatsApp account')
      return pending.end()
    }
    for (const [afterMs, name] of COURSE) {
      schedule.after(afterMs, () => {
        status(name)
        if (name === 'read') pending.end()
      })
    }
  }

  return {
    add(message) {
      pending.begin()
      waiting.push({ ...message, since: clock.now() })
      if (!running) void run()
    },
    show: () =>
      waiting.map(({ idMessage, method, body }) =>
        method === 'forwardMessages'
          ? { messagesIDs: [idMessage], type: 'ForwardMessages', body }
          : { messageID: idMessage, type: method, body },
      ),
    clear() {
      for (const _ of waiting.splice(0)) pending.end()
    },
  }
}
