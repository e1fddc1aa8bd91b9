import { join } from 'node:path'
import {
  type CheckpointStore,
  type Comms,
  createComms,
  type EventCache,
  type EventStore,
  eventCache,
  type Logger,
  type Spool,
  type WebhookReport,
} from '@pipe-comms/core'
import { espoCrmDirectory } from '@pipe-comms/leads-espocrm'
import { drainSpoolLeftovers, jsonCheckpointStore, listSpoolLeftovers, openFileSpool, openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import type { Logger as Pino } from 'pino'
import type { Config } from './config.ts'
import { openDatabase } from './database.ts'
import { withEventLines } from './event-lines.ts'
import { directoryCheck, diskCheck, outboxCheck, storeCheck, transportChecks } from './health/checks.ts'
import { Health, type Problem } from './health/health.ts'
import { openTransports } from './transports.ts'

export interface Running {
  readonly comms: Comms
  /** The log, for reading. */
  readonly store: EventCache
  /** Webhooks by what became of them, since the start. */
  readonly webhooks: Readonly<Record<string, number>>
  readonly health: Health
  /** Where webhooks wait while the store is away. */
  readonly spool?: Spool
}

const MAX_BATCH = 100

/** Composes store and transports of this configuration. */
export async function openComms(config: Config, log: Pino): Promise<Running> {
  const logger = coreLogger(log)
  const { disk, spool, checkpoints, problems } = await openPersistence(config, logger)
  const store = eventCache({
    store: disk,
    maxBatch: MAX_BATCH,
    onQueued: (event, pending) => log.info(`MESSAGE EVENT ${event.type}: Event ${event.id} ajouté au cache (${pending}/${MAX_BATCH})`),
  })
  const directory = openDirectory(config)
  const webhooks: Record<string, number> = {}
  const onWebhook = (report: WebhookReport) => {
    webhooks[report.outcome] = (webhooks[report.outcome] ?? 0) + 1
    logWebhook(report, log)
  }
  let lastFailure: string | undefined
  const transports = openTransports(config, store)
  const comms = createComms({
    store: withEventLines(store, log, {
      onFailure: (failure) => {
        lastFailure = failure?.message
      },
      onEvent: (event) => {
        if (event.type === 'transport.state_changed') health.expire(event.provider)
      },
    }),
    transports,
    defaultRegion: config.defaultRegion,
    outbox: { checkpoints },
    ...(directory ? { leads: { directory } } : {}),
    logger,
    onWebhook,
    ...(spool ? { spool } : {}),
  })
  comms.start()
  const stored = { store, lastFailure: () => lastFailure, ...(problems ? { problems } : {}) }
  const health = new Health(
    [storeCheck(stored), diskCheck(config), outboxCheck(comms), ...directoryCheck(comms), ...transportChecks(transports)],
    log,
  )
  return { comms, store, webhooks, health, ...(spool ? { spool } : {}) }
}

function openDirectory({ espoCrm, defaultRegion }: Config) {
  if (!espoCrm) return undefined
  const { secretKey, ...access } = espoCrm
  return espoCrmDirectory({ ...access, defaultRegion, ...(secretKey === undefined ? {} : { secretKey }) })
}

interface Persistence {
  readonly disk: EventStore
  readonly checkpoints: CheckpointStore
  readonly spool?: Spool
  /** What the database reports of itself. */
  readonly problems?: () => Promise<readonly Problem[]>
}

/**
 * Day files need no spool: a disk that cannot take an event could not take it in a spool beside it either. What another persistence
 * left in its spool is recorded at the start, because the provider got a success answer.
 */
async function openPersistence(config: Config, logger: Logger): Promise<Persistence> {
  const spoolDir = join(config.logsDir, 'spool')
  await nameLeftovers(spoolDir, logger)
  if (config.persistence === 'json') {
    const disk = await openJsonEventStore({ dir: config.logsDir, logger })
    await recordLeftovers(spoolDir, disk, logger)
    return { disk, checkpoints: jsonCheckpointStore({ file: join(config.logsDir, 'checkpoints.json') }) }
  }
  const spool = await openFileSpool({ dir: spoolDir, logger })
  if (config.database) {
    const disk = await openDatabase(config.database, logger)
    return { disk, checkpoints: disk.checkpoints, problems: disk.problems, spool }
  }
  const disk = await openSqliteEventStore({ file: config.sqliteFile, logger })
  return { disk, checkpoints: disk.checkpoints, spool }
}

async function nameLeftovers(spoolDir: string, logger: Logger): Promise<void> {
  for (const { folder, waiting, oldest, owner, pid } of await listSpoolLeftovers(spoolDir)) {
    const whose = owner === 'alive' ? `process ${pid}, which runs and records them` : 'a server that is gone; they are recorded now'
    logger.warn(`Spool: ${waiting} webhooks wait in ${folder}, the oldest since ${oldest}, of ${whose}`)
  }
}

/** @throws when the store does not take them: a server that forgot them would lose what was answered with success. */
async function recordLeftovers(spoolDir: string, store: EventStore, logger: Logger): Promise<void> {
  const { recorded, left, unavailable } = await drainSpoolLeftovers({ dir: spoolDir, store, logger })
  if (recorded > 0) logger.info(`Spool: ${recorded} events recorded`)
  if (left === 0) return
  await store.close()
  throw new Error(`${left} webhooks in ${spoolDir} are not recorded${unavailable ? `: ${unavailable.message}` : ''}`)
}

/** What went well. The core itself logs what did not. */
function logWebhook({ transport, outcome, status, events, durationMs }: WebhookReport, log: Pino): void {
  if (outcome === 'repeated') log.info(`[REPEATED] already in the log as ${events.map(({ event }) => event.id).join(', ')}`)
  else log.debug({ transport: transport?.id, outcome, status, durationMs }, 'Webhook answered')
}

function coreLogger(log: Pino): Logger {
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  }
}
