/** A JSON object that takes any string for a key, `__proto__` and `constructor` too. Read and write it with the functions here. */
export interface Table<Value> {
  [key: string]: Value
}

export function entryIn<Value>(table: Table<Value>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

export function setEntry<Value>(table: Table<Value>, key: string, value: Value): void {
  // Assigned, `__proto__` would change the prototype and leave no entry.
  if (key === '__proto__') Object.defineProperty(table, key, { value, configurable: true, enumerable: true, writable: true })
  else table[key] = value
}
