import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommsError, createEvent, type IdSource, LogDigester, type RecordedEvent, streamIdOf } from '@pipe-comms/core'
import { diskError } from './disk-error.ts'
import { type LegacyRecord, legacyFact } from './legacy-record.ts'

const NAME = /^message_events_.*\.json$/

export interface LegacyLogOptions {
  /** The folder of the older `message_events_*.json` files, each an array of records. */
  readonly dir: string
  /** Country of phone numbers written without one, such as `FR`. */
  readonly defaultRegion?: string
}

/**
 * The older JSON array files of a folder as an export, for `importLog`: oldest file first, in the order of each file, ending in the
 * digest. What a record says in the usual fields becomes a typed event; a record that is not understood becomes a
 * `webhook.quarantined` event with its JSON whole, so nothing is lost. Ids and keys come from the records: reading the files again
 * gives the same lines.
 * @example
 * await importLog(legacyLog({ dir: './old-logs', defaultRegion: 'FR' }), store)
 * @throws CommsError `store_unavailable` for a file that cannot be read, `store_corrupt` for one that is no JSON array; both name it.
 */
export async function* legacyLog(options: LegacyLogOptions): AsyncIterable<string> {
  const digester = new LogDigester()
  const seen = new Set<string>()
  const versions = new Map<string, number>()
  for (const name of await namesIn(options.dir)) {
    for (const record of await readRecords(join(options.dir, name))) {
      const sha256 = createHash('sha256').update(JSON.stringify(record)).digest('hex')
      const event = createEvent(legacyFact(record, sha256, options), { clock: { now: () => 0 }, ids: idFrom(sha256) })
      if (seen.has(event.idempotencyKey)) continue
      seen.add(event.idempotencyKey)
      const streamId = streamIdOf(event)
      const version = (versions.get(streamId) ?? 0) + 1
      versions.set(streamId, version)
      const line = { ...event, streamId, version }
      await digester.add(line as RecordedEvent)
      yield `${JSON.stringify(line)}\n`
    }
  }
  yield `${JSON.stringify({ digest: await digester.digest() })}\n`
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => NAME.test(name)).sort()
  } catch (cause) {
    throw diskError(`Cannot read ${dir}`, cause)
  }
}

async function readRecords(path: string): Promise<LegacyRecord[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw diskError(`Cannot read ${path}`, cause)
  }
  try {
    const records: unknown = JSON.parse(text)
    if (Array.isArray(records)) return records
  } catch {
    // Said below.
  }
  throw new CommsError('store_corrupt', `${path}: expected a JSON array of records`)
}

/** The same record gives the same id: the shape of a UUID of version 8, the one for ids made from a hash. */
function idFrom(sha256: string): IdSource {
  const next = () =>
    `${sha256.slice(0, 8)}-${sha256.slice(8, 12)}-8${sha256.slice(13, 16)}-a${sha256.slice(17, 20)}-${sha256.slice(20, 32)}`
  return { next }
}
