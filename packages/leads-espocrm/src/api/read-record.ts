import { CommsError } from '@pipe-comms/core'
import type { CheckedConnection } from '../options.ts'
import { type EspoRecord, recordSchema } from '../record.ts'
import { callApi } from './call.ts'

/** One record with all its numbers and addresses; nothing when it is gone. */
async function readRecord(
  connection: CheckedConnection,
  entityType: string,
  id: string,
  signal: AbortSignal,
): Promise<EspoRecord | undefined> {
  const path = `${entityType}/${encodeURIComponent(id)}`
  const { status, json } = await callApi(connection, { method: 'GET', path, signal }, [404])
  if (status === 404) return undefined
  const record = recordSchema.safeParse(json)
  if (!record.success) throw new CommsError('directory_unavailable', `EspoCRM: GET ${entityType} answered something other than a record`)
  return record.data.deleted ? undefined : record.data
}

/** Several at once, so that one answers while another is asked; few enough that the CRM's users notice nothing. */
export async function readRecords(
  connection: CheckedConnection,
  entityType: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, EspoRecord | undefined>> {
  const records = new Map<string, EspoRecord | undefined>()
  const waiting = [...new Set(ids)]
  const read = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
      records.set(id, await readRecord(connection, entityType, id, signal))
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, read))
  return records
}

const READS_AT_ONCE = 4
