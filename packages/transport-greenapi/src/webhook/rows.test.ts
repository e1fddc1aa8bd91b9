import { createEvent, systemClock, uuidSource } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { ID_INSTANCE } from '../testing/notifications.ts'
import { ROWS } from '../testing/rows/index.ts'
import { parseNotification } from './parse.ts'

const parse = (notification: object, via: 'webhook' | 'poll' = 'webhook') =>
  parseNotification(new TextEncoder().encode(JSON.stringify(notification)), { idInstance: String(ID_INSTANCE), via })

/** The same with a field that nobody knows in every object. */
const widened = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(widened)
  if (typeof value !== 'object' || value === null) return value
  return { ...Object.fromEntries(Object.entries(value).map(([key, part]) => [key, widened(part)])), novelty: { x: [1] } }
}
/** What is taken over as it comes has no field that nobody knows. */
const isTakenWhole = (type: string) => type === 'orderMessage' || type === 'productMessage'

describe.each([...new Set(ROWS.map(({ type }) => type))])('%s', (type) => {
  const rows = ROWS.filter((row) => row.type === type).map((row) => [row.remark, row.fact.type, row] as const)

  it.each(rows)('%s becomes %s', (_remark, _becomes, { notification, fact }) => {
    expect(parse(notification)).toEqual([fact])
    expect(parse(notification, 'poll')).toEqual([{ ...fact, source: { ...fact.source, via: 'poll' } }])
    const { idempotencyKey, data } = createEvent(fact, { clock: systemClock, ids: uuidSource })
    expect({ idempotencyKey, data }).toEqual({ idempotencyKey: fact.idempotencyKey, data: fact.data })
  })

  it.each(isTakenWhole(type) ? [] : rows)('%s becomes %s, whatever else comes with it', (_remark, _becomes, { notification, fact }) => {
    const raw = widened(notification) as object
    expect(parse(raw)).toEqual([{ ...fact, source: { ...fact.source, raw } }])
  })
})

it('gives every notification a key of its own', () => {
  const keys = ROWS.map(({ notification }) => parse(notification)[0]?.idempotencyKey)
  expect(new Set(keys).size).toBe(ROWS.length)
})
