import { createClient } from '@supabase/supabase-js'
import { expect, it } from 'vitest'
import { realtimeWakeUp, type SupabaseRealtime, type SupabaseRpc } from './index.ts'

/** As Realtime calls back: what happens on the wire is the client's. */
function fakeClient() {
  const calls: unknown[][] = []
  let insert = () => {}
  let status: (status: string) => void = () => {}
  const channel = {
    on: (...given: [string, object, () => void]) => {
      calls.push(given.slice(0, 2))
      insert = given[2]
      return channel
    },
    subscribe: (callback: typeof status) => {
      status = callback
      return channel
    },
  }
  const client: SupabaseRealtime = {
    channel: () => channel,
    removeChannel: async (removed) => {
      calls.push(['removed', removed === channel])
    },
  }
  return { client, calls, insert: () => insert(), status: (to: string) => status(to) }
}

const signal = new AbortController().signal

it('wakes with an insert, and with each subscription, for nothing is told while there is none', async () => {
  const realtime = fakeClient()
  const { wakeUp, close } = realtimeWakeUp({ client: realtime.client })
  expect(realtime.calls).toEqual([['postgres_changes', { event: 'INSERT', schema: 'public', table: 'message_event_places' }]])
  const first = wakeUp({ signal })
  realtime.status('SUBSCRIBED')
  await first
  const second = wakeUp({ after: '000000000001', signal })
  realtime.status('CHANNEL_ERROR')
  realtime.insert()
  await second
  const last = expect(wakeUp({ signal })).rejects.toThrow('closed')
  await close()
  await last
  expect(realtime.calls.at(-1)).toEqual(['removed', true])
})

it('takes the client of supabase-js, also one that knows its schema', async () => {
  interface Database {
    public: {
      Tables: Record<never, never>
      Views: Record<never, never>
      Functions: { only_this: { Args: { a: number }; Returns: string } }
    }
  }
  const client = createClient<Database>('http://127.0.0.1:1', 'sb_secret_invented', { auth: { persistSession: false } })
  const parts: SupabaseRpc & SupabaseRealtime = client
  expect(typeof parts.rpc).toBe('function')
})
