import type { WakeUp } from '@pipe-comms/core'
import { WaitingReaders } from './waiting-readers.ts'

/** As much of a SupabaseClient as {@link realtimeWakeUp} calls. */
export interface SupabaseRealtime {
  // biome-ignore lint/suspicious/noExplicitAny: the channel's own types differ between releases of the client
  channel(name: string): any
  // biome-ignore lint/suspicious/noExplicitAny: see above
  removeChannel(channel: any): Promise<unknown>
}

export interface RealtimeWakeUp {
  /** For `runConsumer`. */
  readonly wakeUp: WakeUp
  close(): Promise<void>
}

/**
 * Wakes consumers through Supabase Realtime when something is recorded, by any server. Only a hint: Realtime delivers at most once and
 * repeats nothing after a reconnect (https://supabase.com/docs/guides/realtime/postgres-changes), so the consumer reads by its own
 * position, and its poll stays the safety net. The client needs the key of the backend, and once, in the SQL editor:
 * `alter publication supabase_realtime add table public.message_event_places`.
 * @example
 * const { wakeUp, close } = realtimeWakeUp({ client })
 */
export function realtimeWakeUp({ client }: { readonly client: SupabaseRealtime }): RealtimeWakeUp {
  const readers = new WaitingReaders()
  const channel = client
    .channel('message_event_places')
    .on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'message_event_places' }, () => readers.wake())
    // Subscribed, once more or for the first time: what was recorded before was not told.
    .subscribe((status: string) => {
      if (status === 'SUBSCRIBED') readers.wake()
    })
  return {
    wakeUp: (waiting) => readers.wait(waiting),
    async close() {
      readers.fail(new Error('The Realtime channel was closed'))
      await client.removeChannel(channel)
    },
  }
}
