import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { rows } from './rows.ts'

const proofs = rows.flatMap(({ row, proof }) =>
  Object.entries(proof).flatMap(([file, names]) => names.map((name) => ({ row, file, name }))),
)

// The tests themselves run where they lie; this notices one that was renamed or thrown away.
it.each(proofs)('row $row names a test that is there: $file > $name', async ({ file, name }) => {
  const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
  expect(text.includes(name) || text.includes(name.replaceAll("'", "\\'"))).toBe(true)
})
