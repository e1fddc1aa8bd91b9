import { type Case, readCases } from './case.ts'
import { drivers } from './kinds/index.ts'

// `npm run cases [-- <part of a name>]`: runs every input and prints how many of each kind come right.
const wanted = process.argv[2] ?? ''
const counts = new Map<string, { right: number; wrong: string[] }>()
for (const given of (await readCases()).filter(({ name }) => name.includes(wanted))) {
  const count = counts.get(given.kind) ?? { right: 0, wrong: [] }
  counts.set(given.kind, count)
  const problems = await run(given)
  if (problems.length === 0) count.right += 1
  else count.wrong.push(`${given.name}: ${problems.join('; ')}`)
}

let wrong = 0
for (const [kind, count] of counts) {
  wrong += count.wrong.length
  console.log(`${kind.padEnd(16)} ${String(count.right).padStart(3)} of ${count.right + count.wrong.length}`)
  for (const line of count.wrong) console.log(`  not: ${line}`)
}
console.log(`${[...counts.values()].reduce((sum, { right }) => sum + right, 0)} right, ${wrong} not`)
process.exit(wrong === 0 ? 0 : 1)

async function run(given: Case): Promise<string[]> {
  try {
    return (await drivers[given.kind]?.(given)) ?? [`no driver for ${given.kind}`]
  } catch (error) {
    return [`threw ${error}`]
  }
}
