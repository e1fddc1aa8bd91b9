import type { EventStore, RecordedEvent } from '@pipe-comms/core'
import type { Logger } from 'pino'

/** The same store; what it records is told in the log, one line an event, whether a webhook, an inbox or the outbox brought it. */
export function withEventLines(store: EventStore, log: Logger): EventStore {
  return {
    append: async (requests) => {
      const results = await store.append(requests)
      for (const result of results) {
        if (result.status !== 'recorded') continue
        for (const { event, repeated } of result.events) if (!repeated) tell(event, log)
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
  const fields = {
    channel,
    provider,
    leadId: lead?.id ?? 'inconnu',
    contact: contact?.value,
    messageId: direction === 'outbound' ? messageId : undefined,
    code: event.type === 'message.failed' || event.type === 'message.deferred' ? event.data.error.code : undefined,
    event: event.id,
  }
  const told = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  const label = event.type.replace(/^message\./, '').toUpperCase()
  log[event.type === 'message.attempted' || event.type === 'report.filed' ? 'debug' : 'info'](`[${label}] {${told.join(', ')}}`)
}
