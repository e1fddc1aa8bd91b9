import { join } from 'node:path'
import {
  type Comms,
  createComms,
  type EventCache,
  type EventStore,
  eventCache,
  type LeadMatch,
  type Logger,
  type Spool,
  type WebhookReport,
} from '@pipe-comms/core'
import { espoCrmDirectory } from '@pipe-comms/leads-espocrm'
import { openFileSpool, openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'
import type { Logger as Pino } from 'pino'
import type { Config } from './config.ts'
import { type EspoCrmAccess, openSandboxEspoCrm } from './sandbox-espocrm.ts'

export interface Running {
  readonly comms: Comms
  /** The log, for reading. */
  readonly store: EventCache
  /** Webhooks by what became of them, since the start. */
  readonly webhooks: Readonly<Record<string, number>>
  /** Where leads are looked up: the configured CRM, or the simulated one. */
  readonly crmUrl: string
  /** Closes the log, and what is simulated. */
  close(): Promise<void>
}

const MAX_BATCH = 100

/** Composes store and transports of this configuration. */
export async function openComms(config: Config, log: Pino): Promise<Running> {
  const logger = coreLogger(log)
  const { disk, spool } = await openPersistence(config, logger)
  const store = eventCache({
    store: disk,
    maxBatch: MAX_BATCH,
    onQueued: (event, pending) => log.info(`MESSAGE EVENT ${event.type}: Event ${event.id} ajouté au cache (${pending}/${MAX_BATCH})`),
  })
  const { instanceId, token, webhookToken, url } = config.greenApi
  const greenApi = greenApiTransport({
    idInstance: instanceId,
    webhookToken,
    ...(token === undefined ? {} : { apiToken: token }),
    ...(url === undefined ? {} : { apiUrl: url }),
  })
  const sandboxCrm = config.sandbox.espoCrm ? await openSandboxEspoCrm() : undefined
  const directory = openDirectory(config, sandboxCrm?.access ?? config.espoCrm)
  const webhooks: Record<string, number> = {}
  const onWebhook = (report: WebhookReport) => {
    webhooks[report.outcome] = (webhooks[report.outcome] ?? 0) + 1
    logWebhook(report, log)
  }
  const leads = { directory, onCorrelated: ({ lead }: { lead?: LeadMatch | undefined }) => logLead(lead, log) }
  const comms = createComms({ store, transports: [greenApi], leads, logger, onWebhook, ...(spool ? { spool } : {}) })
  sandboxCrm?.deliverTo((request) => comms.handle(request))
  comms.start()
  const close = async () => {
    await comms.close()
    await sandboxCrm?.close()
  }
  return { comms, store, webhooks, crmUrl: sandboxCrm?.access.url ?? config.espoCrm.url, close }
}

function openDirectory({ defaultRegion }: Config, { url, apiKey, secretKey, webhooks }: EspoCrmAccess) {
  return espoCrmDirectory({ url, apiKey, defaultRegion, webhooks, ...(secretKey === undefined ? {} : { secretKey }) })
}

function logLead(lead: LeadMatch | undefined, log: Pino): void {
  if (lead) log.info(`Lead trouvé: ${lead.name ?? 'sans nom'} (ID: ${lead.id})`)
}

/** Day files need no spool: a disk that cannot take an event could not take it in a spool beside it either. */
async function openPersistence(config: Config, logger: Logger): Promise<{ disk: EventStore; spool?: Spool }> {
  if (config.persistence === 'json') return { disk: await openJsonEventStore({ dir: config.logsDir, logger }) }
  const disk = await openSqliteEventStore({ file: config.sqliteFile, logger })
  return { disk, spool: await openFileSpool({ dir: join(config.logsDir, 'spool'), logger }) }
}

function logWebhook({ transport, outcome, status, events, reason, durationMs }: WebhookReport, log: Pino): void {
  for (const { event, repeated } of events) {
    if (repeated || event.type === 'webhook.quarantined') continue
    if (event.type === 'message.received') logLead(event.lead, log)
    const leadId = event.lead?.id ?? 'inconnu'
    const label = event.type === 'message.received' ? 'RECEIVED' : event.type.toUpperCase()
    log.info(
      `[${label}] {channel: ${event.channel}, provider: ${event.provider}, leadId: ${leadId}, contact: ${event.contact?.value}, event: ${event.id}}`,
    )
  }
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
