import { randomUUID } from 'node:crypto'
import { open, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Comms, EventStore, Transport } from '@pipe-comms/core'
import type { Config } from '../config.ts'
import type { HealthCheck, Problem } from './health.ts'

/** Bytes; below it an hour of traffic may fill the disk. */
const LOW_ON_SPACE = 100 * 1024 * 1024
const LOCAL = { everyMs: 2_000, whileFailingMs: 2_000 }
/** Providers are reached over the network, and they count log-ins. */
const REMOTE = { everyMs: 300_000, whileFailingMs: 60_000 }

/** What the log of this server says about its last append, and how to look at the store. */
export interface StoreHealth {
  readonly store: EventStore
  /** Why the last append failed; nothing when it did not. */
  lastFailure(): string | undefined
  /** What the database itself reports, such as a missing table. */
  readonly problems?: () => Promise<readonly Problem[]>
}

export function storeCheck({ store, lastFailure, problems }: StoreHealth): HealthCheck {
  return {
    name: 'store',
    ...LOCAL,
    check: async () => {
      const known = (await problems?.()) ?? []
      if (known.length > 0) return known
      await store.find('health:nothing-is-recorded-under-this-key')
      const failure = lastFailure()
      return failure === undefined
        ? []
        : [
            {
              problem: `the last event could not be recorded: ${failure}`,
              remedy: 'Mend what the message names; the next event that is recorded clears this',
            },
          ]
    },
  }
}

/** Whether the folder can be written, and how much space is left there. */
export function diskCheck({ logsDir, persistence, sqliteFile, database }: Config): HealthCheck {
  const folder = persistence === 'sqlite' && !database ? dirname(sqliteFile) : logsDir
  return {
    name: 'disk',
    ...LOCAL,
    check: async () => {
      const probe = join(folder, `.writable-${randomUUID()}`)
      try {
        const file = await open(probe, 'wx', 0o600)
        try {
          await file.write(Buffer.alloc(4096))
          await file.sync()
        } finally {
          await file.close()
        }
      } catch (error) {
        const { message } = error as Error
        return [{ problem: `${folder} cannot be written: ${message}`, remedy: 'Make space, or give the server the right to write there' }]
      } finally {
        await rm(probe, { force: true })
      }
      const { bavail, bsize } = await statfs(folder)
      if (bavail * bsize >= LOW_ON_SPACE) return []
      return [
        { problem: `${folder} has ${Math.round((bavail * bsize) / 1_048_576)} MiB left`, remedy: 'Make space: at 0 webhooks are refused' },
      ]
    },
  }
}

/** Asks each provider that can be asked: whether our credentials are right, whether WhatsApp is authorised. */
export function transportChecks(transports: readonly Transport[]): HealthCheck[] {
  return transports.flatMap(({ id, probe }) => {
    if (!probe) return []
    const check: HealthCheck['check'] = async (options) => (await probe.check(options)).filter(({ severity }) => severity === 'error')
    return [{ name: id, ...REMOTE, check }]
  })
}

/** Whether sending goes on. */
export function outboxCheck(comms: Pick<Comms, 'outboxState'>): HealthCheck {
  return {
    name: 'outbox',
    ...LOCAL,
    check: async () => {
      const { feed, problem, missingTransports, lanes } = comms.outboxState()
      const problems: Problem[] = []
      if (feed === 'behind') {
        problems.push({
          problem: `the log cannot be read: ${problem?.message ?? 'no reason known'}`,
          remedy: 'Mend the store: nothing is sent until then',
        })
      }
      for (const [id, count] of Object.entries(missingTransports)) {
        problems.push({
          problem: `${count} messages wait for the transport ${id}, which is not configured`,
          remedy: `Configure ${id} again, or let them expire`,
        })
      }
      for (const [id, { paused, heldUntil, ready }] of Object.entries(lanes)) {
        if (!paused) continue
        const until = heldUntil === undefined ? '' : ` until ${heldUntil}`
        problems.push({
          problem: `${id} is paused after failures${until}, ${ready} messages wait`,
          remedy: `See the failures of ${id} in the log`,
        })
      }
      return problems
    },
  }
}

/** Whether the CRM answers. Messages go on without it; whose they are is found later. */
export function directoryCheck({ leadState }: Pick<Comms, 'leadState'>): HealthCheck[] {
  if (!leadState) return []
  const check: HealthCheck['check'] = async () =>
    leadState().available
      ? []
      : [{ problem: 'the CRM does not answer, or refuses us', remedy: 'Look at ESPOCRM_URL, ESPOCRM_API_KEY and the rights of its user' }]
  return [{ name: 'leads', ...LOCAL, check }]
}
