import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { type CorpusCase, runCorpus } from './corpus.ts'
import { makeCases } from './make-cases.ts'

const text = await readFile(new URL('./cases.jsonl', import.meta.url), 'utf8')
const cases = text
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as CorpusCase)

it('is what its rules make, at least 600 cases of at least 40 countries, a third of them look-alikes', () => {
  expect(cases).toEqual(makeCases())
  expect(cases.length).toBeGreaterThanOrEqual(600)
  expect(new Set(cases.map(({ country }) => country)).size).toBeGreaterThan(40)
  expect(cases.filter(({ same }) => !same).length).toBeGreaterThan(cases.length / 3)
})

it('is correlated with no wrong match, and at least 99 % correctly', async () => {
  const { wrong, correct } = await runCorpus(cases)
  expect(wrong).toEqual([])
  expect(correct / cases.length).toBeGreaterThanOrEqual(0.99)
})
