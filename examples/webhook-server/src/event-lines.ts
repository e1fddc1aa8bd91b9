import type { EventStore, RecordedEvent } from '@pipe-comms/core'
import type { Logger } from 'pino'
import { variablesFor } from './variables.ts'

interface EventHooks {
  /** How the last append ended: with an error, or, when it was recorded, with none. */
  readonly onFailure: (failure: Error | undefined) => void
  readonly onEvent: (event: RecordedEvent) => void
}

/**
 * The same store, which writes one line to the log for each event that it records, whether a webhook, an inbox or the outbox brought it.
 */
export function withEventLines(store: EventStore, log: Logger, { onFailure, onEvent }: EventHooks): EventStore {
  return {
    append: async (requests) => {
      const results = await store.append(requests).catch((error: Error) => {
        onFailure(error)
        throw error
      })
      onFailure(undefined)
      for (const result of results) {
        if (result.status !== 'recorded') continue
        for (const { event, repeated } of result.events) {
          if (repeated) continue
          tell(event, log)
          onEvent(event)
        }
      }
      return results
    },
    find: (key) => store.find(key),
    readStream: (streamId, options) => store.readStream(streamId, options),
    readAll: (options) => store.readAll(options),
    close: () => store.close(),
  }
}

function tell(event: RecordedEvent, log: Logger): void {
  // Told with its reason by those who answer for the webhook.
  if (event.type === 'webhook.quarantined') return
  const { channel, provider, contact, lead, direction, messageId } = event
  if (lead && (event.type === 'message.received' || event.type === 'lead.correlated')) {
    log.info(`Lead trouvé: ${lead.name ?? 'sans nom'} (ID: ${lead.id})`)
  }
  const failure = event.type === 'message.failed' || event.type === 'message.deferred' ? event.data.error : undefined
  const fields = {
    channel,
    provider,
    leadId: lead?.id ?? 'inconnu',
    contact: contact?.value,
    messageId: direction === 'outbound' ? messageId : undefined,
    code: failure?.code,
    event: event.id,
    reason: failure?.text ?? stateOf(event),
    check: failure && variablesFor(provider, failure),
  }
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const label = event.type.replace(/^message\./, '').toUpperCase()
  log[levelOf(event)]({ facts: Object.fromEntries(given) }, `[${label}] {${given.map(([name, value]) => `${name}: ${value}`).join(', ')}}`)
}

function levelOf({ type }: RecordedEvent): 'debug' | 'info' | 'warn' {
  if (type === 'message.attempted' || type === 'report.filed') return 'debug'
  const isTrouble = ['message.deferred', 'message.failed', 'message.uncertain', 'transport.state_changed', 'transport.quota_reached']
  return isTrouble.includes(type) ? 'warn' : 'info'
}

function stateOf(event: RecordedEvent): string | undefined {
  if (event.type === 'transport.state_changed') return `state ${event.data.state}`
  return event.type === 'message.uncertain' ? event.data.reason : undefined
}
