import { CommsError } from '@pipe-comms/core'
import { z } from 'zod'
import type { CheckedConnection } from '../options.ts'
import { type EspoRecord, recordSchema } from '../record.ts'
import { callApi } from './call.ts'

/** A filter of the search. https://docs.espocrm.com/development/api-search-params/ */
export interface Where {
  readonly type: string
  readonly attribute?: string
  readonly value?: unknown
}

export interface ListOptions {
  readonly where: readonly Where[]
  readonly select: readonly string[]
  readonly orderBy?: string
  readonly signal: AbortSignal
}

/** More than 200 is an error, not a clamp. */
export const PAGE_SIZE = 200
const MOST_PAGES = 500

const pageSchema = z.looseObject({ list: z.array(recordSchema) })

/**
 * Every record that fits, oldest first, so that what is added meanwhile comes at the end. `total` may be -1, -2 or missing, so the last
 * page is the one that is not full.
 */
export async function listRecords(connection: CheckedConnection, entityType: string, options: ListOptions): Promise<EspoRecord[]> {
  const all = new Map<string, EspoRecord>()
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const list = await listPage(connection, entityType, { ...options, offset: page * PAGE_SIZE })
    for (const record of list) all.set(record.id, record)
    if (list.length < PAGE_SIZE) return [...all.values()]
  }
  throw new CommsError('directory_unavailable', `EspoCRM: GET ${entityType} gives full pages without an end`)
}

/** One page, at most {@link PAGE_SIZE} records, or fewer when `maxSize` says so. */
export async function listPage(
  connection: CheckedConnection,
  entityType: string,
  {
    where,
    select,
    orderBy = 'createdAt',
    offset,
    maxSize = PAGE_SIZE,
    signal,
  }: ListOptions & { readonly offset: number; readonly maxSize?: number },
): Promise<EspoRecord[]> {
  const params = { where, select, orderBy, order: 'asc', offset, maxSize }
  const { json } = await callApi(connection, {
    method: 'GET',
    path: entityType,
    query: { searchParams: JSON.stringify(params) },
    headers: { 'x-no-total': 'true' },
    signal,
  })
  const page = pageSchema.safeParse(json)
  if (page.success) return page.data.list
  throw new CommsError(
    'directory_unavailable',
    `EspoCRM: GET ${entityType} answered something other than a list of records; is the URL right?`,
  )
}
