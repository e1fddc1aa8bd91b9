import { type EventStore, eventCache } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'

export const SUBJECTS = ['json', 'sqlite', 'cache over json', 'cache over sqlite'] as const
export type Subject = (typeof SUBJECTS)[number]

/** Opens the log of a subject in a folder. */
export async function openStore(subject: Subject, dir: string): Promise<EventStore> {
  const store = subject.endsWith('json') ? await openJsonEventStore({ dir }) : await openSqliteEventStore({ file: `${dir}/events.db` })
  return subject.startsWith('cache') ? eventCache({ store }) : store
}
