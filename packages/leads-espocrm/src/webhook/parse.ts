import { bodyText, CommsError, type WebhookRequest } from '@pipe-comms/core'
import { z } from 'zod'
import { type EspoRecord, recordSchema } from '../record.ts'

const itemsSchema = z.array(z.looseObject({ id: z.string().min(1) }))

/**
 * The records that a webhook names: always a list, of up to 50. After an update an item holds only what changed, after a removal only the
 * id, and changed second numbers may not be in it at all: so the ids count, and what addresses are there are taken as a hint.
 * https://docs.espocrm.com/development/webhooks/
 * @throws CommsError `webhook_unparsable`
 */
export function parseItems(request: WebhookRequest): { readonly id: string; readonly hint: EspoRecord | undefined }[] {
  let json: unknown
  try {
    json = JSON.parse(bodyText(request))
  } catch (cause) {
    throw new CommsError('webhook_unparsable', 'EspoCRM: the body of the webhook is not JSON', { cause })
  }
  const items = itemsSchema.safeParse(json)
  if (!items.success) throw new CommsError('webhook_unparsable', 'EspoCRM: expected a list of records with an id')
  return items.data.map((item) => ({ id: item.id, hint: recordSchema.safeParse(item).data }))
}
