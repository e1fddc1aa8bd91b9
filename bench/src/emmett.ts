import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { NewEvent } from '@pipe-comms/core'
import { streamOf } from './events.ts'
import { rate } from './measure.ts'

const folder = new URL('../emmett/', import.meta.url)

interface EmmettStore {
  appendToStream(streamName: string, events: readonly { type: string; data: object }[]): Promise<unknown>
}

/** emmett's SQLite store brings a native driver that is built at install, so it is not part of the workspace. */
export const HOW_TO_ADD_EMMETT = 'npm install --prefix bench/emmett --no-workspaces --legacy-peer-deps --no-strict-allow-scripts'

export function emmettIsInstalled(): boolean {
  return existsSync(new URL('node_modules/@event-driven-io/emmett-sqlite/package.json', folder))
}

/** Single-event appends a second, one after the other: concurrent ones end in `database is locked`. */
export async function emmettAppends(fileName: string, sample: readonly NewEvent[]): Promise<number> {
  const { getSQLiteEventStore } = createRequire(new URL('package.json', folder))('@event-driven-io/emmett-sqlite')
  const store: EmmettStore = getSQLiteEventStore({ fileName, schema: { autoMigration: 'CreateOrUpdate' } })
  await store.appendToStream('warm-up', [{ type: 'warm-up', data: {} }])
  return rate(sample.length, async () => {
    for (const [index, event] of sample.entries()) await store.appendToStream(streamOf(index), [{ type: event.type, data: event }])
  })
}
