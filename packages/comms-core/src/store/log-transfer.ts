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
import { messageEventSchema, type NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { type StoredEvent, upcastEvent } from '../events/upcaster.ts'
import type { AppendRequest, EventStore } from './event-store.ts'
import { type LogDigest, LogDigester, logDigest } from './log-digest.ts'

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
 * The whole log as JSON lines, one event each, oldest first, ending in a line `{"digest":{"events":…,"sha256":…}}`. Streams: memory
 * stays flat.
 */
export async function* exportLog(store: EventStore, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<string> {
  checkExport({ store, options })
  const digester = new LogDigester()
  for await (const event of store.readAll(options.signal ? { signal: options.signal } : {})) {
    await digester.add(event)
    yield `${JSON.stringify(event)}\n`
  }
  yield `${JSON.stringify({ digest: await digester.digest() })}\n`
}

/**
 * Appends the events of an export to a store, in their order. Run it again after an interruption: what is there is not recorded again.
 * Ends with the digest of the export beside that of the store.
 * @throws CommsError `event_invalid`, naming the line, for a line that is no event or an export without its last line.
 */
export async function importLog(lines: AsyncIterable<string>, target: EventStore, options: TransferOptions = {}): Promise<TransferReport> {
  checkImport({ lines, target, options })
  let source: LogDigest | undefined
  async function* events() {
    let number = 0
    for await (const text of lines) {
      number += 1
      if (text.trim() === '') continue
      const line = parseLine(text, number)
      if ('digest' in line) source = line.digest as LogDigest
      else yield checkEvent(line, number)
    }
  }
  const progress = await appendAll(events(), target, options)
  if (!source) throw new CommsError('event_invalid', `The export ends without its digest after ${progress.read} events: it was cut off`)
  return finish(progress, source, target)
}

/**
 * Copies a log into another store, and compares both. Run it again after an interruption: what is there is not recorded again. The
 * target gives its own positions and `recordedAt`; everything else stays.
 */
export async function copyLog(from: EventStore, to: EventStore, options: TransferOptions = {}): Promise<TransferReport> {
  checkCopy({ from, to, options })
  const digester = new LogDigester()
  async function* events() {
    for await (const event of from.readAll(options.signal ? { signal: options.signal } : {})) {
      await digester.add(event)
      yield event
    }
  }
  const progress = await appendAll(events(), to, options)
  return finish(progress, await digester.digest(), to)
}

async function finish(progress: TransferProgress, source: LogDigest, to: EventStore): Promise<TransferReport> {
  const target = await logDigest(to)
  return { ...progress, source, target, equal: source.events === target.events && source.sha256 === target.sha256 }
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

function checkEvent(line: StoredEvent, number: number): RecordedEvent {
  const { position, streamId, version, recordedAt, ...event } = upcastEvent<RecordedEvent>(line)
  const checked = messageEventSchema.safeParse(event)
  const problems = checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`)
  if (typeof streamId !== 'string') problems.push('streamId: expected a string')
  if (problems.length > 0) throw new CommsError('event_invalid', `Line ${number}: ${problems.join('; ')}`)
  return { ...event, position, streamId, version, recordedAt } as RecordedEvent
}
