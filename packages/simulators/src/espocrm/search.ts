import { type EspoRecord, listRow } from './record.ts'
import { filter, type WhereItem } from './where.ts'

/** More is refused, not clamped. */
export const MAX_SIZE = 200

export interface SearchParams {
  readonly where: readonly WhereItem[]
  readonly select?: readonly string[]
  readonly maxSize: number
  readonly offset: number
  readonly orderBy?: string
  readonly order: 'asc' | 'desc'
}

/** From `?searchParams=<JSON>`, which wins, or from the single parameters. */
export function searchParams(query: URLSearchParams): SearchParams {
  const json = query.get('searchParams')
  const given = json === null ? singleParams(query) : (JSON.parse(json) as Record<string, unknown>)
  const select = given.select ?? given.attributeSelect
  const orderBy = given.orderBy === undefined ? {} : { orderBy: String(given.orderBy) }
  return {
    where: (given.where ?? given.whereGroup ?? []) as WhereItem[],
    ...(select === undefined ? {} : { select: Array.isArray(select) ? select : String(select).split(',') }),
    maxSize: Number(given.maxSize ?? MAX_SIZE),
    offset: Number(given.offset ?? 0),
    ...orderBy,
    order: String(given.order ?? 'asc').toLowerCase() === 'desc' ? 'desc' : 'asc',
  }
}

/** `where[0][type]=equals&where[0][attribute]=phoneNumber&where[0][value]=…`, one level deep. */
function singleParams(query: URLSearchParams): Record<string, unknown> {
  const where: Record<string, unknown>[] = []
  const single: Record<string, unknown> = { where }
  for (const [name, value] of query) {
    const filter = /^where(?:Group)?\[(\d+)\]\[(type|attribute|value)\](\[\])?$/.exec(name)
    if (!filter) {
      single[name] = value
      continue
    }
    const [, index, part = '', list] = filter
    const item = where[Number(index)] ?? {}
    where[Number(index)] = item
    item[part] = list ? [...((item[part] as unknown[]) ?? []), value] : value
  }
  return single
}

/** What a lead directory asks: any of many numbers and addresses. A database has indexes for it, and so has this one. */
export function wantedAddresses({ where }: SearchParams): { digits: readonly string[]; emails: readonly string[] } | undefined {
  const [only] = where
  const parts = where.length === 1 && only?.type === 'or' && Array.isArray(only.value) ? (only.value as WhereItem[]) : []
  const listOf = (attribute: string) =>
    parts.find((part) => part.type === 'in' && part.attribute === attribute)?.value as string[] | undefined
  const [digits = [], emails = []] = [listOf('phoneNumberNumeric'), listOf('emailAddress')]
  const indexed =
    parts.length > 0 && parts.every(({ type, attribute = '' }) => type === 'in' && /^(phoneNumberNumeric|emailAddress)$/.test(attribute))
  return indexed ? { digits, emails } : undefined
}

/** The page of a list, and how many there are in all. */
export function search(records: Iterable<EspoRecord>, params: SearchParams): { total: number; list: Record<string, unknown>[] } {
  const tests = params.where.map(filter)
  const found = [...records].filter((record) => !record.deleted && tests.every((test) => test(record)))
  const { orderBy, order, offset, maxSize, select } = params
  if (orderBy) {
    const by = (record: EspoRecord) => String((orderBy === 'id' ? record.id : record.attributes[orderBy]) ?? '')
    const sign = order === 'desc' ? -1 : 1
    found.sort((a, b) => (by(a) < by(b) ? -sign : by(a) > by(b) ? sign : a.id < b.id ? -sign : sign))
  }
  const list = found.slice(offset, offset + maxSize).map((record) => {
    const row = listRow(record)
    return select ? Object.fromEntries(Object.entries(row).filter(([name]) => name === 'id' || select.includes(name))) : row
  })
  return { total: found.length, list }
}
