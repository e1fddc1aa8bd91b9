import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** One input as it comes in the field, with what must become of it. Made after public bug reports; `source` says which. */
export interface Case {
  readonly name: string
  readonly file: string
  /** Which driver of `kinds/` runs it. */
  readonly kind: string
  /** How, where the kind has several ways. */
  readonly run?: string
  readonly expected: Readonly<Record<string, unknown>>
  readonly source?: string
}

/** Runs one case. Returns what is wrong, in words; nothing when it comes right. */
export type Driver = (given: Case) => Promise<string[]>

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export async function readCases(): Promise<readonly Case[]> {
  return JSON.parse(await readFile(here('cases.json'), 'utf8'))
}

export async function inputOf({ file }: Pick<Case, 'file'>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(here(`inputs/${file}`)))
}

export async function jsonOf<Input>(given: Case): Promise<Input> {
  return JSON.parse(new TextDecoder().decode(await inputOf(given))) as Input
}

/** What is not as expected, as a list of one or none. */
export function differs(what: string, expected: unknown, got: unknown): string[] {
  return JSON.stringify(expected) === JSON.stringify(got)
    ? []
    : [`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`]
}
