import { cpus, totalmem } from 'node:os'

/** One figure beside the raw engine's, both from the same run. */
export interface Comparison {
  readonly what: string
  readonly unit: string
  readonly ours: number
  readonly raw: number
  /** The median of the rounds' ratios. */
  readonly ratio: number
  /** What the ratio should at least be; left out: none was set. */
  readonly goal?: number
}

/** A figure on its own, such as a time to open. */
export interface Figure {
  readonly what: string
  readonly value: string
  readonly goal?: string
}

/**
 * Runs ours and the raw engine in turns, and gives the medians. Both give things done per second. The ratio is taken round by round, for the
 * two runs of a round find the machine in the same mood. The first rounds are left out: code is compiled while it runs.
 */
export async function compare(
  what: string,
  unit: string,
  {
    ours,
    raw,
    goal,
    runs = 5,
    warmUps = 0,
  }: { ours: () => Promise<number>; raw: () => Promise<number>; goal?: number; runs?: number; warmUps?: number },
): Promise<Comparison> {
  const figures: { ours: number[]; raw: number[] } = { ours: [], raw: [] }
  for (let run = -warmUps; run < runs; run += 1) {
    const round = { raw: await raw(), ours: await ours() }
    if (run < 0) continue
    figures.raw.push(round.raw)
    figures.ours.push(round.ours)
  }
  const ratio = median(figures.ours.map((rate, round) => rate / (figures.raw[round] as number)))
  const comparison = { what, unit, ours: median(figures.ours), raw: median(figures.raw), ratio }
  process.stderr.write(`${what}: ${Math.round(comparison.ours)} of ${Math.round(comparison.raw)} ${unit}, ratio ${ratio.toFixed(2)}\n`)
  return goal === undefined ? comparison : { ...comparison, goal }
}

/** Things done per second. */
export async function rate(count: number, run: () => Promise<void> | void): Promise<number> {
  const startedAt = performance.now()
  await run()
  return (count / (performance.now() - startedAt)) * 1000
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

export function table(title: string, comparisons: readonly Comparison[], figures: readonly Figure[]): string {
  const lines = [`## ${title}`, '', machine()]
  if (comparisons.length > 0) lines.push('', '| what | ours | raw engine | ratio | goal |', '|---|---|---|---|---|')
  for (const { what, unit, ours, raw, ratio, goal } of comparisons) {
    const met = goal === undefined ? '' : `≥ ${goal} ${ratio >= goal ? 'met' : '**missed**'}`
    lines.push(`| ${what} | ${amount(ours)} ${unit} | ${amount(raw)} ${unit} | ${ratio.toFixed(2)} | ${met} |`)
  }
  if (figures.length > 0)
    lines.push(
      '',
      '| what | figure | goal |',
      '|---|---|---|',
      ...figures.map(({ what, value, goal = '' }) => `| ${what} | ${value} | ${goal} |`),
    )
  return `${lines.join('\n')}\n`
}

function machine(): string {
  const [cpu] = cpus()
  return `${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, medians`
}

function amount(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : value.toFixed(0)
}
