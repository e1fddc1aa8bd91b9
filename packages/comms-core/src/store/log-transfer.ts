import { z } from 'zod'
import {
  callback,
  checkOf,
  fillableStore,
  isObject,
  kindOf,
  optionsObject,
  readableStore,
  type Shape,
  signalOption,
  wholeNumber,
} from '../check-options.ts'
import { CommsError } from '../errors.ts'
import { type MessageEventOf, messageEventSchema, type NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { CURRENT_SCHEMA_VERSION, readStoredEvent, type StoredEvent } from '../events/upcaster.ts'
import type { AppendRequest, EventStore } from './event-store.ts'
import { asStored, type LogDigest, LogDigester, logDigest } from './log-digest.ts'
import { logIdOf } from './log-identity.ts'

export interface TransferProgress {
  /** Events read so far. */
  readonly read: number
  /** Of these, new to the target. */
  readonly recorded: number
  /** Of these, there before: an earlier run brought them. */
  readonly repeated: number
  /** The last position read from the source, when it has positions. */
  readonly position?: Position
}

export interface TransferOptions {
  /** Events in one append. @default 500 */
  readonly batch?: number
  /** Told after every append. */
  readonly onProgress?: (progress: TransferProgress) => void
  readonly signal?: AbortSignal
}

export interface TransferReport extends TransferProgress {
  readonly source: LogDigest
  readonly target: LogDigest
  /** Whether both logs hold the same events in the same order. */
  readonly equal: boolean
  /** The name of the log that was read, as in its positions; absent for an empty one, or when its store gives it none. */
  readonly sourceLog?: string
}

const DEFAULT_BATCH = 500

const transferShape: Shape<TransferOptions> = {
  batch: wholeNumber(1).optional(),
  onProgress: callback.optional(),
  signal: signalOption.optional(),
}
const transferOptions = optionsObject(transferShape)
const lineSource = z.custom((given) => isObject(given) && (Symbol.asyncIterator in given || Symbol.iterator in given), {
  error: ({ input }) => `expected the lines of an export, one after the other, got ${kindOf(input)}`,
})
const checkExport = checkOf('exportLog', z.object({ store: readableStore, options: optionsObject({ signal: signalOption.optional() }) }))
const checkImport = checkOf('importLog', z.object({ lines: lineSource, target: fillableStore, options: transferOptions }))
const checkCopy = checkOf('copyLog', z.object({ from: readableStore, to: fillableStore, options: transferOptions }))

/**
 * The whole log as JSON lines, oldest first: a line `{"log":{"id":…,"schemaVersion":…}}` with the name of the log (left out when it is
 * empty) and the version of its newest possible event, one line for each event, and a line `{"digest":{"events":…,"sha256":…}}`. An event
 * that this release cannot read is written as it is stored. Streams: memory stays flat.
 */
export async function* exportLog(store: EventStore, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<string> {
  checkExport({ store, options })
  const digester = new LogDigester()
  let isBegun = false
  for await (const event of store.readAll(options.signal ? { signal: options.signal } : {})) {
    if (!isBegun) yield headLine(logIdOf(event.position))
    isBegun = true
    await digester.add(event)
    yield `${JSON.stringify(asStored(event))}\n`
  }
  if (!isBegun) yield headLine(undefined)
  yield `${JSON.stringify({ digest: await digester.digest() })}\n`
}

function headLine(id: string | undefined): string {
  return `${JSON.stringify({ log: { ...(id === undefined ? {} : { id }), schemaVersion: CURRENT_SCHEMA_VERSION } })}\n`
}

/**
 * Appends the events of an export to a store, in their order. Run it again after an interruption: what is there is not recorded again.
 * Ends with the digest of the export beside that of the store. Positions are those of the target: checkpoints of the source's readers do
 * not fit it.
 * @throws CommsError `event_invalid`, naming the line, for a line that is no event, an event that this release cannot read, or an export
 * without its last line. An export of a newer release is refused before anything is recorded.
 */
export async function importLog(lines: AsyncIterable<string>, target: EventStore, options: TransferOptions = {}): Promise<TransferReport> {
  checkImport({ lines, target, options })
  let source: LogDigest | undefined
  let sourceLog: string | undefined
  async function* events() {
    let number = 0
    for await (const text of lines) {
      number += 1
      if (text.trim() === '') continue
      const line = parseLine(text, number)
      if ('digest' in line) source = line.digest as LogDigest
      else if ('log' in line) sourceLog = readHead(line.log as { id?: string; schemaVersion?: number })
      else yield checkEvent(line, number)
    }
  }
  const progress = await appendAll(events(), target, options)
  if (!source) throw new CommsError('event_invalid', `The export ends without its digest after ${progress.read} events: it was cut off`)
  return finish(progress, { source, sourceLog }, target)
}

/**
 * Copies a log into another store, and compares both. Run it again after an interruption: what is there is not recorded again. The
 * target gives its own positions and `recordedAt`; everything else stays. Checkpoints of the source's readers do not fit the target: each
 * of them notices and reads from the beginning.
 * @throws CommsError `event_invalid` before anything is recorded, when the source holds an event that this release cannot read: it cannot
 * be carried over as it is stored.
 */
export async function copyLog(from: EventStore, to: EventStore, options: TransferOptions = {}): Promise<TransferReport> {
  checkCopy({ from, to, options })
  const signal = options.signal ? { signal: options.signal } : {}
  for await (const event of from.readAll(signal)) {
    if (event.type === 'event.unreadable')
      throw new CommsError('event_invalid', `copyLog: the event at ${event.position}: ${unreadable(event)}`)
  }
  const digester = new LogDigester()
  let sourceLog: string | undefined
  async function* events() {
    for await (const event of from.readAll(signal)) {
      sourceLog = logIdOf(event.position)
      await digester.add(event)
      yield event
    }
  }
  const progress = await appendAll(events(), to, options)
  return finish(progress, { source: await digester.digest(), sourceLog }, to)
}

async function finish(
  progress: TransferProgress,
  { source, sourceLog }: { readonly source: LogDigest; readonly sourceLog: string | undefined },
  to: EventStore,
): Promise<TransferReport> {
  const target = await logDigest(to)
  const equal = source.events === target.events && source.sha256 === target.sha256
  return { ...progress, source, target, equal, ...(sourceLog === undefined ? {} : { sourceLog }) }
}

async function appendAll(events: AsyncIterable<RecordedEvent>, target: EventStore, options: TransferOptions): Promise<TransferProgress> {
  const { batch = DEFAULT_BATCH, onProgress, signal } = options
  let progress: TransferProgress = { read: 0, recorded: 0, repeated: 0 }
  let waiting: RecordedEvent[] = []
  const flush = async () => {
    if (waiting.length === 0) return
    signal?.throwIfAborted()
    const position = waiting.at(-1)?.position
    const results = await target.append(waiting.map(toRequest))
    const answers = results.flatMap((result) => (result.status === 'recorded' ? result.events : []))
    const repeated = answers.filter((answer) => answer.repeated).length
    progress = {
      read: progress.read + waiting.length,
      recorded: progress.recorded + answers.length - repeated,
      repeated: progress.repeated + repeated,
      ...(position === undefined ? {} : { position }),
    }
    waiting = []
    onProgress?.(progress)
  }
  for await (const event of events) {
    waiting.push(event)
    if (waiting.length >= batch) await flush()
  }
  await flush()
  return progress
}

/** One request an event: the order of the whole log is kept, streams mixed as they are. */
function toRequest(recorded: RecordedEvent): AppendRequest {
  const { position: _, streamId, version: __, recordedAt: ___, ...event } = recorded
  return { streamId, events: [event as NewEvent] }
}

function parseLine(text: string, number: number): StoredEvent {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null && !Array.isArray(line)) return line as StoredEvent
  } catch {
    // Said below.
  }
  throw new CommsError('event_invalid', `Line ${number}: expected an event as a JSON object, got ${JSON.stringify(text.slice(0, 60))}`)
}

function readHead({ id, schemaVersion = 1 }: { readonly id?: string; readonly schemaVersion?: number }): string | undefined {
  if (schemaVersion <= CURRENT_SCHEMA_VERSION) return id
  const versions = `schema version ${schemaVersion}, this release reads up to ${CURRENT_SCHEMA_VERSION}`
  throw new CommsError('event_invalid', `A newer release wrote this export (${versions}): upgrade, then import it`)
}

function unreadable(event: RecordedEvent & MessageEventOf<'event.unreadable'>): string {
  return `this release cannot read it (${event.data.reason}): upgrade, then try again`
}

function checkEvent(line: StoredEvent, number: number): RecordedEvent {
  const read = readStoredEvent<RecordedEvent>(line)
  if (read.type === 'event.unreadable') throw new CommsError('event_invalid', `Line ${number}: ${unreadable(read)}`)
  const { position, streamId, version, recordedAt, ...event } = read
  const checked = messageEventSchema.safeParse(event)
  const problems = checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`)
  if (typeof streamId !== 'string') problems.push('streamId: expected a string')
  if (problems.length > 0) throw new CommsError('event_invalid', `Line ${number}: ${problems.join('; ')}`)
  return { ...event, position, streamId, version, recordedAt } as RecordedEvent
}
