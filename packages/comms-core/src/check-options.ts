import { z } from 'zod'
import { CommsError, type CommsErrorCode } from './errors.ts'

/** One schema for each option, so that an option without one does not compile. */
export type Shape<Options> = { readonly [Name in keyof Required<Options>]: z.ZodType }

/**
 * Makes the check of a call's options or arguments. It throws one CommsError that names everything that is wrong with them; of texts it
 * says only that they are texts, because any of them may be a secret.
 * @param who the function that is called, as the user writes it
 */
export function checkOf(who: string, schema: z.ZodType, code: CommsErrorCode = 'configuration_invalid'): (given: unknown) => void {
  return (given) => {
    const checked = schema.safeParse(given)
    if (checked.success) return
    const problems = checked.error.issues.slice(0, MOST_PROBLEMS).map(({ path, message }) => {
      const place = path.map((part) => printable(String(part))).join('.')
      return place === '' ? message : `${place}: ${message}`
    })
    throw new CommsError(code, `${who}: ${problems.join('; ')}`)
  }
}

/** Enough to correct a call by. */
const MOST_PROBLEMS = 20

/** An object with these options and no others. */
export function optionsObject<Options>(shape: Shape<Options>): z.ZodType {
  const known = Object.keys(shape)
  return z.strictObject(shape as z.ZodRawShape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownOptions(issue.keys, known) : `expected an object of options, got ${kindOf(issue.input)}`,
  })
}

/** Anything that has these methods, of whatever class: two builds of a package may live in one process. */
export function objectWith(what: string, methods: readonly string[], remedy = ''): z.ZodType {
  return z.custom((given) => hasMethods(given, methods), {
    error: ({ input }) => {
      if (isPromise(input)) return `expected ${what}, got a Promise: await it first${remedy === '' ? '' : `, such as ${remedy}`}`
      if (!isObject(input)) return `expected ${what}, got ${kindOf(input)}`
      const missing = methods.filter((name) => typeof input[name] !== 'function')
      return `expected ${what}, got ${kindOf(input)} without ${missing.map((name) => `${name}()`).join(', ')}`
    },
  })
}

export const callback = z.custom((given) => typeof given === 'function', {
  error: (issue) => `expected a function, got ${kindOf(issue.input)}`,
})

export const signalOption = objectWith('an AbortSignal', ['addEventListener', 'throwIfAborted'])
export const clockOption = objectWith('a clock', ['now'])
export const idsOption = objectWith('a source of ids', ['next'])
export const loggerOption = objectWith('a logger', ['debug', 'info', 'warn', 'error'])

const storeWith = (...methods: readonly string[]) => objectWith('an open EventStore', methods, 'await openJsonEventStore(…)')
export const storeOption = storeWith('append', 'find', 'readStream', 'readAll', 'close')
/** A log that is only read. */
export const readableStore = storeWith('readAll')
/** A log that is filled and compared. */
export const fillableStore = storeWith('append', 'readAll')
export const checkpointsOption = objectWith('a CheckpointStore', ['load', 'save'])

/** @param least the smallest number taken */
export function wholeNumber(least: number): z.ZodType {
  return z.custom((given) => Number.isSafeInteger(given) && (given as number) >= least, {
    error: (issue) => `expected a whole number from ${least}, got ${kindOf(issue.input)}`,
  })
}

export function filledText(what = 'a text'): z.ZodType {
  return z.custom((given) => typeof given === 'string' && given.trim() !== '', {
    error: (issue) => `expected ${what}, got ${issue.input === '' ? 'an empty text' : kindOf(issue.input)}`,
  })
}

export function textThat(fits: (text: string) => boolean, what: string): z.ZodType {
  return z.custom((given) => typeof given === 'string' && fits(given), {
    error: (issue) => `expected ${what}, got ${typeof issue.input === 'string' ? 'another text' : kindOf(issue.input)}`,
  })
}

export function oneOf(...texts: readonly string[]): z.ZodType {
  return textThat((text) => texts.includes(text), texts.map((text) => `'${text}'`).join(' or '))
}

export const trueOrFalse = z.custom((given) => typeof given === 'boolean', {
  error: (issue) => `expected true or false, got ${kindOf(issue.input)}`,
})

export function listOf(what: string, item: z.ZodType, least = 0): z.ZodType {
  return z
    .array(item, { error: (issue) => `expected a list of ${what}, got ${kindOf(issue.input)}` })
    .min(least, `expected at least ${least}`)
}

/** The name of a transport or a directory among others. */
export const nameOption = textThat((name) => /^[a-z][a-z0-9-]*$/.test(name), 'lower-case letters, digits and dashes')
export const pathOption = textThat((path) => path.startsWith('/'), 'a path such as /webhooks/name')
export const methodsOption = listOf(
  'HTTP methods',
  textThat((method) => /^[A-Z]+$/.test(method), 'a method in upper case, such as POST'),
  1,
)

/** An object, of whatever class, that has at least these fields. */
export function part(what: string, shape: z.ZodRawShape): z.ZodType {
  const settled = z.custom((given) => !isPromise(given), `expected ${what}, got a Promise: await it first`)
  return settled.pipe(z.looseObject(shape, { error: ({ input }) => `expected ${what}, got ${kindOf(input)}` }))
}

/** What a value is, without its content: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return 'a text'
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  if (isPromise(value)) return 'a Promise'
  if (value instanceof Date) return 'a Date'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isPromise(value: unknown): boolean {
  return isObject(value) && typeof value.then === 'function'
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  return isObject(value) && methods.every((name) => typeof value[name] === 'function')
}

function unknownOptions(given: readonly string[], known: readonly string[]): string {
  return given
    .slice(0, MOST_PROBLEMS)
    .map((name) => {
      const meant = nearest(name, known)
      return `unknown option "${printable(name)}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`
    })
    .join('; ')
}

function nearest(given: string, known: readonly string[]): string | undefined {
  const wanted = given.slice(0, 50).toLowerCase()
  let best: { readonly name: string; readonly far: number } | undefined
  for (const name of known) {
    const far = distance(wanted, name.toLowerCase())
    if (far <= Math.max(1, Math.floor(name.length / 3)) && far < (best?.far ?? Number.POSITIVE_INFINITY)) best = { name, far }
  }
  return best?.name
}

/** How many signs must be put in, left out or changed to make one text of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

/** A name as the caller spelt it, short and on one line. */
function printable(name: string): string {
  return name.slice(0, 40).replace(/[^\x20-\x7e]/g, '?')
}
