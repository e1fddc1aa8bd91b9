import type { z } from 'zod'

/** What {@link readLeniently} found. */
export type LenientRead<Data> =
  | { readonly success: true; readonly data: Data; readonly unread: string[] }
  | { readonly success: false; readonly problems: string[] }

/** Each round leaves out at least one part, or gives up. */
const MAX_ROUNDS = 24
const MAX_NOTES = 20
const MAX_NOTE_LENGTH = 300

/**
 * Reads what a provider sent, and leaves out the parts that are not as expected instead of refusing the whole. A part can be left out when
 * the schema accepts the value without it: an optional field, an item of a list, or the optional object around a required field. Where
 * the schema requires the part, the read fails.
 *
 * `unread` says what was left out and why, with its path and without its value: put it into `source.unread` of the fact, beside
 * `source.raw`, which still holds the part. `problems` says why the read failed, in the same form. A value that is as expected costs one
 * `safeParse`.
 * @param at path of the value within `source.raw`, in front of the paths in the notes
 * @example
 * const schema = z.looseObject({ id: z.string(), sender: z.looseObject({ name: z.string().optional() }).optional() })
 * readLeniently(schema, { id: '1', sender: { name: 7 } })
 * // { success: true, data: { id: '1', sender: {} }, unread: ['sender.name: Invalid input: expected string, received number'] }
 */
export function readLeniently<Schema extends z.ZodType>(schema: Schema, value: unknown, at = ''): LenientRead<z.output<Schema>> {
  let checked = schema.safeParse(value)
  if (checked.success) return { success: true, data: checked.data, unread: [] }
  const leftOut = new Map<string, string>()
  let rest = value
  for (let round = 0; ; round += 1) {
    if (checked.success) return { success: true, data: checked.data, unread: short([...leftOut.values()]) }
    const found = checked.error.issues.map(({ path, message }) => ({
      path,
      part: presentPart(rest, path),
      // A part that is missing because it was left out is the reason why the part around it is left out too.
      reason: leftOut.get(nameOf(path)) ?? `${[at, ...path.map(String)].filter(Boolean).join('.') || 'body'}: ${message}`,
    }))
    const required = found.filter(({ part }) => part.length === 0 || round === MAX_ROUNDS)
    if (required.length > 0) return { success: false, problems: short(required.map(({ reason }) => reason)) }
    // Items go last and together: without one, those behind it have other numbers.
    const fields = found.filter(({ part }) => typeof part.at(-1) !== 'number')
    const cuts = fields.length > 0 ? fields : found
    for (const { path, part, reason } of cuts) {
      leftOut.delete(nameOf(path))
      leftOut.set(nameOf(part), reason)
    }
    rest = without(
      rest,
      cuts.map(({ part }) => part),
    )
    checked = schema.safeParse(rest)
  }
}

type Path = readonly PropertyKey[]

function nameOf(path: Path): string {
  return JSON.stringify(path.map(String))
}

/** The part at this path, or the nearest one around it that is there. */
function presentPart(value: unknown, path: Path): Path {
  let holder = value
  for (const [depth, name] of path.entries()) {
    const isThere = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    const part = isThere ? (holder as Record<PropertyKey, unknown>)[name] : undefined
    if (part === undefined) return path.slice(0, depth)
    holder = part
  }
  return path
}

/** Copies what lies on the way to the parts, and shares the rest with the value. */
function without(value: unknown, paths: readonly Path[]): unknown {
  const inner = new Map<PropertyKey, Path[]>()
  const out = new Set<PropertyKey>()
  for (const [name, ...more] of paths) {
    if (name === undefined) continue
    const cuts = inner.get(name)
    if (more.length === 0) out.add(name)
    else if (cuts) cuts.push(more)
    else inner.set(name, [more])
  }
  const kept = (name: PropertyKey, part: unknown) => {
    const cuts = inner.get(name)
    return cuts ? without(part, cuts) : part
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => (out.has(index) ? [] : [kept(index, item)]))
  const parts = Object.entries(value as object).filter(([name]) => !out.has(name))
  return Object.fromEntries(parts.map(([name, part]) => [name, kept(name, part)]))
}

function short(notes: readonly string[]): string[] {
  const first = notes.slice(0, MAX_NOTES).map((note) => note.slice(0, MAX_NOTE_LENGTH))
  return notes.length > MAX_NOTES ? [...first, `and ${notes.length - MAX_NOTES} more`] : first
}
