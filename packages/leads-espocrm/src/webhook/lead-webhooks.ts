import type { LeadWebhook } from '@pipe-comms/core'
import { readRecords } from '../api/read-record.ts'
import { changedAddresses, type LocalIndex } from '../local-index.ts'
import type { CheckedOptions, EspoEntityType } from '../options.ts'
import { heldBy } from '../record.ts'
import { parseItems } from './parse.ts'
import { verifySignature } from './verify.ts'

/** One endpoint for each event, for the body does not say which event it is. */
export function leadWebhooks(options: CheckedOptions, index: LocalIndex | undefined): LeadWebhook[] {
  return Object.entries(options.webhooks).map(([event, secret]) => ({
    path: `${options.webhookPath}/${event}`,
    methods: ['POST'],
    verify: (request) => verifySignature(request, event, secret),
    changed: async (request, { signal }) => {
      const entityType = event.split('.')[0] as EspoEntityType
      const items = parseItems(request)
      const removed = event.endsWith('.delete')
      const records = removed
        ? new Map()
        : await readRecords(
            options,
            entityType,
            items.map(({ id }) => id),
            signal,
          )
      return items.flatMap(({ id, hint }) => {
        const record = records.get(id)
        const held = [...(hint ? heldBy(hint) : []), ...(record ? heldBy(record) : [])]
        return [...changedAddresses(held, options.defaultRegion), ...(index?.put(entityType, id, record) ?? [])]
      })
    },
  }))
}
