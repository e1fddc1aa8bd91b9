/** By code unit: the same on every machine, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** By time, whatever the number of decimals; two spellings of one instant by their text, so that no two differ and tie. */
export function compareInstants(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b) || compareText(a, b)
}

/** What tells the order of two facts without regard to when we heard of them. */
export interface OrderedFact {
  readonly occurredAt: string
  readonly idempotencyKey: string
}

/** By time of occurrence, then by name: the same for a fact heard first or last. */
export function compareFacts(a: OrderedFact, b: OrderedFact): number {
  return compareInstants(a.occurredAt, b.occurredAt) || compareText(a.idempotencyKey, b.idempotencyKey)
}
