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
import { jsonCheckpointStore, openFileSpool, openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import type { Logger as Pino } from 'pino'
import type { Config } from './config.ts'
import { openDatabase } from './database.ts'
import { withEventLines } from './event-lines.ts'
import { openTransports } from './transports.ts'

export interface Running {
  readonly comms: Comms
  /** The log, for reading. */
  readonly store: EventCache
  /** Webhooks by what became of them, since the start. */
  readonly webhooks: Readonly<Record<string, number>>
}

const MAX_BATCH = 100

/** Composes store and transports of this configuration. */
export async function openComms(config: Config, log: Pino): Promise<Running> {
  const logger = coreLogger(log)
  const { disk, spool, checkpoints } = await openPersistence(config, logger)
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
  const comms = createComms({
    store: withEventLines(store, log),
    transports: openTransports(config, store),
    defaultRegion: config.defaultRegion,
    outbox: { checkpoints },
    ...(directory ? { leads: { directory } } : {}),
    logger,
    onWebhook,
    ...(spool ? { spool } : {}),
  })
  comms.start()
  return { comms, store, webhooks }
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
}

/** Day files need no spool: a disk that cannot take an event could not take it in a spool beside it either. */
async function openPersistence(config: Config, logger: Logger): Promise<Persistence> {
  if (config.persistence === 'json') {
    const disk = await openJsonEventStore({ dir: config.logsDir, logger })
    return { disk, checkpoints: jsonCheckpointStore({ file: join(config.logsDir, 'checkpoints.json') }) }
  }
  const disk = config.database
    ? await openDatabase(config.database, logger)
    : await openSqliteEventStore({ file: config.sqliteFile, logger })
  return { disk, checkpoints: disk.checkpoints, spool: await openFileSpool({ dir: join(config.logsDir, 'spool'), logger }) }
}

function logWebhook({ transport, outcome, status, events, reason, durationMs }: WebhookReport, log: Pino): void {
  const fields = { transport: transport.id, outcome, status, durationMs, ...(reason === undefined ? {} : { reason }) }
  if (outcome === 'unavailable') log.error(fields, 'Webhook not recorded, answered 503 so that the provider sends it again')
  else if (outcome === 'spooled') log.warn(fields, 'The store is away: the webhook waits in the spool, answered with success')
  else if (outcome === 'quarantined')
    log.warn({ ...fields, eventId: events[0]?.event.id }, 'Webhook not understood, kept raw in quarantine')
  else if (outcome === 'refused' || outcome === 'too-large') log.warn(fields, 'Webhook refused, nothing recorded')
  else if (outcome === 'repeated') log.info(`[REPEATED] already in the log as ${events.map(({ event }) => event.id).join(', ')}`)
  else log.debug(fields, 'Webhook answered')
}

function coreLogger(log: Pino): Logger {
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  }
}
