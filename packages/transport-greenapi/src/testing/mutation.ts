import fc from 'fast-check'
import { ROWS } from './rows/index.ts'

/** Values that have no business where they are put. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, true, 0, -1, 0.5, 1e21, 1e308, '', ' ', '{{SWE001}}', '{{SWE999}}', 'constructor', '__proto__', '\u0000', '\ud800'],
    ...['33639980001@c.us', '100000000000001@lid', '1-2@g.us', 'status@broadcast', 'a@example.com', '@c.us', '::::', 'é'.repeat(600)],
    ...[[], [[]], {}, { toString: 1, valueOf: 1 }, { low: -1, high: 9e15 }, [null], [{}]],
  ),
  fc.jsonValue({ maxDepth: 2 }),
)

type Place = { readonly holder: Record<string, unknown>; readonly name: string }

/** Every field and every list item, wherever it lies. */
function placesIn(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return found
  const holder = value as Record<string, unknown>
  for (const name of Object.keys(holder)) {
    found.push({ holder, name })
    placesIn(holder[name], found)
  }
  return found
}

type Step = { readonly kind: 'replace' | 'remove' | 'rename' | 'add' | 'borrow'; readonly at: number; readonly value: unknown }

function mutate(notification: Record<string, unknown>, { kind, at, value }: Step): void {
  const places = placesIn(notification)
  const { holder, name } = places[at % places.length] ?? { holder: notification, name: 'typeWebhook' }
  if (kind === 'replace') put(holder, name, value)
  if (kind === 'remove') delete holder[name]
  if (kind === 'add') put(holder, typeof value === 'string' ? value : 'novelty', value)
  if (kind === 'rename') {
    put(holder, `${name}s`, holder[name])
    delete holder[name]
  }
  if (kind === 'borrow') {
    const others = placesIn(ROWS[at % ROWS.length]?.notification)
    const other = others[(at >>> 8) % others.length]
    if (other) put(holder, name, other.holder[other.name])
  }
}

/** A copy, as a field of its own also under a name such as `__proto__`. */
function put(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value: structuredClone(value), enumerable: true, configurable: true, writable: true })
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('replace', 'remove', 'rename', 'add', 'borrow'),
  at: fc.nat(),
  value: strange,
})

const row = fc.nat(ROWS.length - 1).map((index) => JSON.stringify(ROWS[index]?.notification))

const withOddFields = fc.tuple(row, fc.array(step, { maxLength: 3 })).map(([text, steps]) => {
  const notification = JSON.parse(text) as Record<string, unknown>
  for (const one of steps) mutate(notification, one)
  return new TextEncoder().encode(JSON.stringify(notification))
})

const withOddBytes = fc.tuple(row, fc.nat(), fc.uint8Array({ maxLength: 4 }), fc.nat({ max: 8 })).map(([text, at, put, skip]) => {
  const bytes = new TextEncoder().encode(text)
  const from = at % bytes.length
  return Uint8Array.of(...bytes.subarray(0, from), ...put, ...bytes.subarray(from + skip))
})

/** Bodies that were notifications once: fields replaced, removed, renamed, added, taken from others; bytes cut, put in, changed. */
export const mutatedBody: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
  { arbitrary: withOddFields, weight: 4 },
  { arbitrary: withOddBytes, weight: 1 },
)
