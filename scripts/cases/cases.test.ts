import { expect, it } from 'vitest'
import { readCases } from './case.ts'
import { drivers } from './kinds/index.ts'

const cases = await readCases()

it.each(cases)('case $name comes right', async (given) => {
  const driver = drivers[given.kind]
  expect(await driver?.(given)).toEqual([])
})
