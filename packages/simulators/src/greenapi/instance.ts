import { type Account, createAccount } from './account.ts'
import { type Archive, createArchive } from './archive.ts'
import { createFaults, type Faults } from './faults.ts'
import type { KeptMessage } from './message.ts'
import { createNotificationQueue, type NotificationQueue } from './notification-queue.ts'
import { createNotifier, type Notifier } from './notifier.ts'
import type { Complete } from './options.ts'
import { createOutgoingQueue, type OutgoingQueue } from './outgoing-queue.ts'
import { createPending, type Pending } from './pending.ts'
import { createQuota, type Quota } from './quota.ts'
import { createSchedule, type Schedule } from './schedule.ts'
import type { GreenApiSettings } from './settings.ts'

/** The parts of one instance, put together. */
export interface Instance {
  readonly options: Complete
  readonly account: Account
  readonly archive: Archive
  readonly faults: Faults
  readonly notifications: NotificationQueue
  readonly notifier: Notifier
  readonly outgoing: OutgoingQueue
  readonly pending: Pending
  readonly quota: Quota
  readonly schedule: Schedule
  readonly files: Map<string, Uint8Array<ArrayBuffer>>
  hasWhatsapp(chatId: string): boolean
  /** Takes a message that somebody wrote to the instance, or that staff typed on its phone, and gives its id. */
  receive(message: Pick<KeptMessage, 'type' | 'chatId' | 'messageData'> & { readonly senderName?: string }): string
}

export function createInstance(options: Complete): Instance {
  const { idInstance, number, clock, withoutWhatsapp, state, newId } = options
  const schedule = createSchedule(options.speed)
  const pending = createPending()
  const faults = createFaults()
  const notifications = createNotificationQueue({ faults, schedule, pending, clock })
  const settings = (): GreenApiSettings => account.settings()
  const notifier = createNotifier({ idInstance, wid: `${number}@c.us`, queue: notifications, settings, clock })
  const account = createAccount({ state, settings: options.settings, schedule, onState: (next) => notifier.state(next) })
  const archive = createArchive(clock)
  const hasWhatsapp = (chatId: string) => !withoutWhatsapp.some((digits) => chatId === `${digits}@c.us`)
  const outgoing = createOutgoingQueue({ account, archive, notifier, schedule, pending, clock, hasWhatsapp })

  return {
    options,
    account,
    archive,
    faults,
    notifications,
    notifier,
    outgoing,
    pending,
    schedule,
    hasWhatsapp,
    quota: createQuota(options),
    files: new Map(),
    receive(given) {
      const idMessage = newId()
      const now = clock.now()
      const message: KeptMessage = {
        ...given,
        idMessage,
        timestamp: Math.floor(now / 1000),
        sendByApi: false,
        statusMessage: given.type === 'outgoing' ? 'sent' : '',
        isEdited: false,
        isDeleted: false,
        inJournal: true,
      }
      archive.keep(message)
      notifier.message(message)
      return idMessage
    },
  }
}
