import { type EspoRecord, listRow, numericOf } from './record.ts'

/** A filter of the search, as EspoCRM takes it. https://docs.espocrm.com/development/api-search-params/ */
export interface WhereItem {
  readonly type: string
  readonly attribute?: string
  readonly value?: unknown
}

/** What the search answers with 400. */
export class WhereError extends Error {}

/** Whether a record fits a filter. Numbers and addresses fit when any one of the record does, primary or not. */
export function filter({ type, attribute, value }: WhereItem): (record: EspoRecord) => boolean {
  if (type === 'and' || type === 'or' || type === 'not') {
    const tests = items(value).map(filter)
    if (type === 'or') return (record) => tests.some((test) => test(record))
    return (record) => tests.every((test) => test(record)) === (type === 'and')
  }
  if (!attribute) throw new WhereError(`No attribute for ${type}`)
  const test = comparison(type, attribute, value)
  const ofAll = type === 'notEquals' || type === 'notIn' || type === 'isNull'
  return (record) => (ofAll ? heldValues(record, attribute).every(test) : heldValues(record, attribute).some(test))
}

function items(value: unknown): readonly WhereItem[] {
  if (!Array.isArray(value)) throw new WhereError('Expected a list of filters')
  return value
}

function heldValues(record: EspoRecord, attribute: string): readonly (string | null)[] {
  switch (attribute) {
    case 'phoneNumber':
      return record.phoneNumbers.map(({ phoneNumber }) => phoneNumber)
    case 'phoneNumberNumeric':
      return record.phoneNumbers.map(numericIn)
    case 'emailAddress':
      return record.emailAddresses.map(({ lower }) => lower)
    default: {
      const value = listRow(record)[attribute]
      return [value === undefined || value === null ? null : String(value)]
    }
  }
}

const numerics = new WeakMap<object, string>()

/** EspoCRM keeps the digits beside each number; a search through all of them is quick. */
function numericIn(held: { readonly phoneNumber: string }): string {
  const known = numerics.get(held)
  if (known !== undefined) return known
  const numeric = numericOf(held.phoneNumber)
  numerics.set(held, numeric)
  return numeric
}

function comparison(type: string, attribute: string, value: unknown): (held: string | null) => boolean {
  const text = String(value ?? '')
  // Equal and like lower the value of an address first; `in` takes it as it comes.
  const equal = attribute === 'emailAddress' ? text.toLowerCase() : text
  switch (type) {
    case 'equals':
      return (held) => held === equal
    case 'notEquals':
      return (held) => held !== equal
    case 'in':
    case 'notIn': {
      if (!Array.isArray(value)) throw new WhereError(`Expected a list for ${type}`)
      const among = new Set(value.map(String))
      return (held) => (held !== null && among.has(held)) === (type === 'in')
    }
    case 'startsWith':
      return (held) => held?.startsWith(equal) === true
    case 'endsWith':
      return (held) => held?.endsWith(equal) === true
    case 'contains':
      return (held) => held?.toLowerCase().includes(text.toLowerCase()) === true
    case 'like': {
      const pattern = likePattern(text)
      return (held) => held !== null && pattern.test(held)
    }
    case 'isNull':
      return (held) => held === null
    case 'isNotNull':
      return (held) => held !== null
    case 'greaterThan':
    case 'after':
      return (held) => held !== null && held > text
    case 'greaterThanOrEquals':
      return (held) => held !== null && held >= text
    case 'lessThan':
    case 'before':
      return (held) => held !== null && held < text
    case 'lessThanOrEquals':
      return (held) => held !== null && held <= text
    default:
      throw new WhereError(`Unknown filter type ${type}`)
  }
}

/** `%` is any text, `_` any character. */
function likePattern(text: string): RegExp {
  return new RegExp(`^${escaped(text).replaceAll('%', '.*').replaceAll('_', '.')}$`, 'isu')
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
