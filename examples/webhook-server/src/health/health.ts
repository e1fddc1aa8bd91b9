import type { Logger } from 'pino'

/** Something an operator should mend, and how. Never holds a secret. */
export interface Problem {
  readonly problem: string
  readonly remedy: string
}

/** One part that the server needs. */
export interface HealthCheck {
  /** Such as `store`, `disk`, `greenapi`. */
  readonly name: string
  /** How long a good result holds, in milliseconds. */
  readonly everyMs: number
  /** How long a bad one holds. */
  readonly whileFailingMs: number
  /** What is wrong now; nothing when all is well. */
  check(options: { readonly signal: AbortSignal }): Promise<readonly Problem[]>
}

export interface HealthReport {
  readonly ok: boolean
  readonly checks: readonly { readonly name: string; readonly problems: readonly Problem[] }[]
}

const LIMIT_MS = 5_000
/** How often the server looks by itself, so that a failure is in the log although nobody calls `/readyz`. */
const WATCH_MS = 30_000

interface Known {
  readonly problems: readonly Problem[]
  readonly until: number
}

/**
 * Runs the checks, each at most as often as it says, and logs each problem once when it appears and once when it is gone.
 * A check that does not answer within 5 seconds is itself a problem.
 */
export class Health {
  readonly #checks: readonly HealthCheck[]
  readonly #log: Logger
  readonly #known = new Map<string, Known>()
  readonly #running = new Map<string, Promise<readonly Problem[]>>()
  #watching: ReturnType<typeof setInterval> | undefined

  constructor(checks: readonly HealthCheck[], log: Logger) {
    this.#checks = checks
    this.#log = log
  }

  /** Begins to look by itself. */
  start(): void {
    this.#watching = setInterval(() => void this.report(), WATCH_MS)
    this.#watching.unref()
    void this.report()
  }

  stop(): void {
    clearInterval(this.#watching)
  }

  /** Something happened to this part: the next report looks at it afresh. */
  expire(name: string): void {
    const known = this.#known.get(name)
    if (known) this.#known.set(name, { ...known, until: 0 })
  }

  async report(): Promise<HealthReport> {
    const checks = await Promise.all(this.#checks.map(async (check) => ({ name: check.name, problems: await this.#problemsOf(check) })))
    return { ok: checks.every(({ problems }) => problems.length === 0), checks }
  }

  #problemsOf(check: HealthCheck): Promise<readonly Problem[]> | readonly Problem[] {
    const known = this.#known.get(check.name)
    if (known && performance.now() < known.until) return known.problems
    const running = this.#running.get(check.name) ?? this.#run(check)
    this.#running.set(check.name, running)
    return running
  }

  async #run(check: HealthCheck): Promise<readonly Problem[]> {
    const problems = await withinLimit(check)
    const before = new Set(this.#known.get(check.name)?.problems.map(({ problem }) => problem))
    for (const { problem, remedy } of problems) {
      if (!before.delete(problem)) this.#log.error({ check: check.name, remedy }, `Not ready: ${check.name}: ${problem}. ${remedy}`)
    }
    for (const problem of before) this.#log.info({ check: check.name }, `Ready again: ${check.name}: no longer: ${problem}`)
    this.#known.set(check.name, { problems, until: performance.now() + (problems.length > 0 ? check.whileFailingMs : check.everyMs) })
    this.#running.delete(check.name)
    return problems
  }
}

async function withinLimit(check: HealthCheck): Promise<readonly Problem[]> {
  const limit = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<readonly Problem[]>((resolve) => {
    timer = setTimeout(() => {
      limit.abort()
      resolve([
        { problem: `no answer within ${LIMIT_MS / 1000} s`, remedy: 'See what the log says about it, and whether it can be reached' },
      ])
    }, LIMIT_MS)
  })
  try {
    return await Promise.race([check.check({ signal: limit.signal }), late])
  } catch (error) {
    return [{ problem: error instanceof Error ? error.message : String(error), remedy: 'See what the log says about it' }]
  } finally {
    clearTimeout(timer)
  }
}
