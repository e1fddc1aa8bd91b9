import type { EventRow } from './stored-event.ts'

/**
 * Appends on their way to the writer thread and their places on the way back, as one flat list each: handing over a list of texts and
 * numbers costs a fraction of what as many objects cost.
 */
export type Field = string | number | null

/** A request as the writer decides it. The stream is named as a column. */
export interface WriteRequest {
  readonly streamId: string
  readonly expectedVersion: number | undefined
  readonly events: readonly EventRow[]
}

/** The requests of one `append`, or the first ones of them: the others follow. */
export interface JobPart {
  readonly job: number
  readonly last: boolean
  readonly requests: readonly WriteRequest[]
}

/** What became of one request. */
export type WriteAnswer =
  | { readonly status: 'conflict'; readonly actualVersion: number }
  | {
      readonly status: 'recorded'
      readonly version: number
      readonly events: readonly { readonly event: EventPlace; readonly repeated: boolean }[]
    }

/** Where an event stands. `json` comes with one that was there before; the others are still known to who sent them. */
export interface EventPlace {
  readonly row: number
  readonly version: number
  readonly json?: string
}

const NO_EXPECTATION = -1

export function packEvent(row: EventRow, fields: Field[]): void {
  const { idempotencyKey, eventId, eventType, channel, leadId, messageId, occurredAt, json } = row
  fields.push(idempotencyKey, eventId, eventType, channel, leadId, messageId, occurredAt, json)
}

export function packRequest(stream: string, expectedVersion: number | undefined, events: number, fields: Field[]): void {
  fields.push(stream, expectedVersion ?? NO_EXPECTATION, events)
}

export function packPart(part: { job: number; last: boolean; requests: number }, fields: Field[]): void {
  fields.push(part.job, part.last ? 1 : 0, part.requests)
}

/** The parts in a parcel, in their order. */
export function unpackParts(fields: readonly Field[]): JobPart[] {
  let at = 0
  const next = <Kind extends Field>() => fields[at++] as Kind
  const event = (): EventRow => ({
    idempotencyKey: next(),
    eventId: next(),
    eventType: next(),
    channel: next(),
    leadId: next(),
    messageId: next(),
    occurredAt: next(),
    json: next(),
  })
  const request = (): WriteRequest => {
    const streamId = next<string>()
    const expected = next<number>()
    const events = Array.from({ length: next<number>() }, event)
    return { streamId, expectedVersion: expected === NO_EXPECTATION ? undefined : expected, events }
  }
  const parts: JobPart[] = []
  while (at < fields.length) {
    const job = next<number>()
    const last = next<number>() === 1
    parts.push({ job, last, requests: Array.from({ length: next<number>() }, request) })
  }
  return parts
}

const RECORDED = 0
const CONFLICT = 1
const FRESH = 0
const REPEATED = 1
const REPEATED_WITH_JSON = 2

/** The answers to the requests of one part. */
export function packAnswers(job: number, answers: readonly WriteAnswer[], fields: Field[]): void {
  fields.push(job, answers.length)
  for (const answer of answers) {
    if (answer.status === 'conflict') {
      fields.push(CONFLICT, answer.actualVersion)
      continue
    }
    fields.push(RECORDED, answer.version, answer.events.length)
    for (const { event, repeated } of answer.events) {
      if (event.json === undefined) fields.push(repeated ? REPEATED : FRESH, event.row, event.version)
      else fields.push(REPEATED_WITH_JSON, event.row, event.version, event.json)
    }
  }
}

/** The answers in a parcel, part by part. */
export function unpackAnswers(fields: readonly Field[]): { job: number; answers: WriteAnswer[] }[] {
  let at = 0
  const next = <Kind extends Field>() => fields[at++] as Kind
  const place = () => {
    const kind = next<number>()
    const event: EventPlace = { row: next(), version: next(), ...(kind === REPEATED_WITH_JSON ? { json: next<string>() } : {}) }
    return { event, repeated: kind !== FRESH }
  }
  const answer = (): WriteAnswer => {
    if (next<number>() === CONFLICT) return { status: 'conflict', actualVersion: next() }
    const version = next<number>()
    return { status: 'recorded', version, events: Array.from({ length: next<number>() }, place) }
  }
  const parts: { job: number; answers: WriteAnswer[] }[] = []
  while (at < fields.length) parts.push({ job: next(), answers: Array.from({ length: next<number>() }, answer) })
  return parts
}
