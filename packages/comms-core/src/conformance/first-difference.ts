import { dequal } from 'dequal'

/** Where two values part: the path to the first place, and what each of them has there. */
export interface Difference {
  /** Such as `[2].data.text`; empty when the values as a whole differ. */
  readonly path: string
  readonly expected: string
  readonly actual: string
}

/** The first place where two values differ, in the order of their fields; nothing for equal ones. */
export function firstDifference(actual: unknown, expected: unknown, path = ''): Difference | undefined {
  if (dequal(actual, expected)) return undefined
  if (actual instanceof Set && expected instanceof Set) return firstDifference(sorted(actual), sorted(expected), path)
  if (isPlain(actual) && isPlain(expected) && Array.isArray(actual) === Array.isArray(expected)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const [a, e] = [Object.hasOwn(actual, name), Object.hasOwn(expected, name)]
      const place = `${path}${Array.isArray(expected) ? `[${name}]` : path === '' ? name : `.${name}`}`
      if (a && e) {
        const deeper = firstDifference(actual[name], expected[name], place)
        if (deeper) return deeper
      } else {
        return { path: place, expected: e ? show(expected[name]) : 'nothing', actual: a ? show(actual[name]) : 'nothing' }
      }
    }
  }
  if (typeof actual === 'string' && typeof expected === 'string') return textDifference(actual, expected, path)
  return { path, expected: show(expected), actual: show(actual) }
}

const SHOWN = 80
/** Characters shown before the first one that differs. */
const BEFORE = 20

function textDifference(actual: string, expected: string, path: string): Difference {
  let at = 0
  while (at < actual.length && actual[at] === expected[at]) at += 1
  const start = Math.max(0, at - BEFORE)
  const part = (text: string) =>
    `${start > 0 ? '…' : ''}${quoted(text.slice(start, start + SHOWN))}${text.length > start + SHOWN ? '…' : ''}`
  const place = expected.length > SHOWN || actual.length > SHOWN ? `${path} (from character ${at + 1})`.trimStart() : path
  return { path: place, expected: part(expected), actual: part(actual) }
}

/** A value in one short line. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.length > SHOWN ? `${quoted(value.slice(0, SHOWN))}…` : quoted(value)
  if (value instanceof Error) return `${value.name}: ${value.message}`
  let text: string
  try {
    text = escaped(JSON.stringify(value) ?? String(value))
  } catch {
    text = String(value)
  }
  return text.length > SHOWN * 2 ? `${text.slice(0, SHOWN * 2)}…` : text
}

/** All but ASCII is escaped, because two spellings of é look the same. */
function escaped(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function quoted(text: string): string {
  return escaped(JSON.stringify(text))
}

function sorted(set: ReadonlySet<unknown>): unknown[] {
  return [...set].sort((one, other) => (show(one) < show(other) ? -1 : 1))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && (Array.isArray(value) || Object.prototype.toString.call(value) === '[object Object]')
  )
}
