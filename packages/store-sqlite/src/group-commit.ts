import { type CommsError, isCommsError } from '@pipe-comms/core'
import type { LogWriter } from './log-writer.ts'
import { type Field, packAnswers, unpackParts, type WriteRequest } from './write-parcel.ts'
import type { CheckpointRow, Failure, FromWriter, ToWriter } from './writer-protocol.ts'

/** A transaction is closed at this size, so that a flood of appends does not wait for one huge commit. */
const MAX_GROUP_CHARACTERS = 8_388_608

export type WriterMessage = Exclude<ToWriter, 'close'>

/** What comes to the writer thread. */
export interface WriterInbox {
  /** The next message, when there is one now. */
  poll(): Promise<WriterMessage | undefined>
  /** The next message. */
  next(): Promise<WriterMessage>
}

type Step =
  | { readonly requests: readonly WriteRequest[]; readonly recordedAt: string }
  | { readonly checkpoint: CheckpointRow; readonly savedAt: string }

/**
 * Writes one group: `first` and whatever comes until nothing more waits, all in one transaction that shares its sync. Appends are
 * inserted as they come, while their sender still encodes the next ones. When the transaction fails for what one job holds, each job
 * is written again alone, so that only the one to blame is refused.
 */
export async function commitGroup(
  first: WriterMessage,
  writer: LogWriter,
  inbox: WriterInbox,
  reply: (message: FromWriter) => void,
): Promise<void> {
  const group = new Group(writer, reply)
  let begun = false
  try {
    await writer.begin()
    begun = true
    group.take(first)
    for (;;) {
      const more = group.isFull() ? undefined : await inbox.poll()
      if (more) group.take(more)
      else if (group.isWaited()) group.take(await inbox.next())
      else break
    }
    group.commit()
  } catch (error) {
    writer.rollback()
    // A mistake of this code's: the thread ends with it, and who waits is told.
    if (!(error instanceof Dropped) && !isCommsError(error)) throw error
    if (!begun) {
      // What waits would wait as long for the same answer.
      for (let message: WriterMessage | undefined = first; message; message = await inbox.poll()) group.collect(message)
    }
    while (group.isWaited()) group.collect(await inbox.next())
    await group.writeOneByOne(error)
  }
}

class Group {
  readonly #writer: LogWriter
  readonly #reply: (message: FromWriter) => void
  readonly #steps = new Map<number, Step[]>()
  readonly #unfinished = new Set<number>()
  readonly #places: Field[] = []
  #characters = 0

  constructor(writer: LogWriter, reply: (message: FromWriter) => void) {
    this.#writer = writer
    this.#reply = reply
  }

  jobs(): number[] {
    return [...this.#steps.keys()]
  }

  /** The rest of a job is on its way: no commit before it is there. */
  isWaited(): boolean {
    return this.#unfinished.size > 0
  }

  isFull(): boolean {
    return this.#characters > MAX_GROUP_CHARACTERS
  }

  /** Writes what a message says, within the transaction. */
  take(message: WriterMessage): void {
    // All of the message is noted before anything can fail: what is not noted would never be answered.
    const noted = this.collect(message)
    for (const { job, step } of noted) this.#write(job, step, this.#places)
    if ('drop' in message) throw new Dropped()
  }

  /** Makes what was taken durable. */
  commit(): void {
    this.#writer.commit()
    this.#reply({ durable: this.jobs(), places: this.#places })
  }

  /** Notes what a message says, for later. */
  collect(message: WriterMessage): { job: number; step: Step }[] {
    if ('drop' in message) {
      this.#steps.delete(message.drop)
      this.#unfinished.delete(message.drop)
      return []
    }
    if ('checkpoint' in message) return [this.#note(message.job, message, true)]
    const { parcel, recordedAt } = message
    return unpackParts(parcel).map(({ job, last, requests }) => this.#note(job, { requests, recordedAt }, last))
  }

  /** After a transaction that failed: an outage refuses all, otherwise each job stands for itself. */
  async writeOneByOne(error: unknown): Promise<void> {
    if (error instanceof Dropped || (isCommsError(error, 'event_invalid') && this.#steps.size > 1)) {
      for (const [job, steps] of this.#steps) await this.#writeAlone(job, steps)
    } else if (this.#steps.size > 0) {
      this.#reply({ failed: this.jobs(), failure: asFailure(error) })
    }
  }

  async #writeAlone(job: number, steps: readonly Step[]): Promise<void> {
    try {
      await this.#writer.begin()
      const places: Field[] = []
      for (const step of steps) this.#write(job, step, places)
      this.#writer.commit()
      this.#reply({ durable: [job], places })
    } catch (error) {
      this.#writer.rollback()
      this.#reply({ failed: [job], failure: asFailure(error) })
    }
  }

  #note(job: number, step: Step, last: boolean): { job: number; step: Step } {
    const steps = this.#steps.get(job)
    if (steps) steps.push(step)
    else this.#steps.set(job, [step])
    if (last) this.#unfinished.delete(job)
    else this.#unfinished.add(job)
    return { job, step }
  }

  #write(job: number, step: Step, places: Field[]): void {
    if ('checkpoint' in step) {
      this.#writer.saveCheckpoint(step.checkpoint, step.savedAt)
      return
    }
    for (const { events } of step.requests) for (const { json } of events) this.#characters += json.length
    packAnswers(job, this.#writer.append(step.requests, step.recordedAt), places)
  }
}

/** Not an error of anybody's: the transaction holds a part of a job that will never be whole. */
class Dropped extends Error {}

export function asFailure(error: unknown): Failure {
  const { code, message } = error as CommsError
  return { code, message }
}
