import type { AddressMatcher, ContactAddress, Lead } from '@pipe-comms/core'
import { z } from 'zod'
import type { EspoEntityType } from './options.ts'

/** Nothing in place of what is not as expected: one odd attribute must not cost the record, nor one odd record its page. */
const text = z.string().nullish().catch(undefined)

/** As much of a record as a directory needs. Attributes that the role forbids are simply missing. Ids may be any string. */
export const recordSchema = z.looseObject({
  id: z.string().min(1),
  name: text,
  status: text,
  phoneNumber: text,
  emailAddress: text,
  modifiedAt: text,
  createdAt: text,
  createdContactId: text,
  createdAccountId: text,
  deleted: z.boolean().nullish().catch(undefined),
  phoneNumberData: z
    .array(z.looseObject({ phoneNumber: text }))
    .nullish()
    .catch(undefined),
  emailAddressData: z
    .array(z.looseObject({ emailAddress: text }))
    .nullish()
    .catch(undefined),
})
export type EspoRecord = z.infer<typeof recordSchema>

/** What to ask for in a list. Second numbers come with single reads; a version that gives them in lists saves us those. */
export const SELECT = [
  'id',
  'name',
  'status',
  'phoneNumber',
  'emailAddress',
  'phoneNumberData',
  'emailAddressData',
  'createdAt',
  'modifiedAt',
  'createdContactId',
  'createdAccountId',
]

/** All numbers and addresses that a row shows, as the CRM holds them. */
export function heldBy({ phoneNumber, emailAddress, phoneNumberData, emailAddressData }: EspoRecord): string[] {
  const phones = phoneNumberData?.map((data) => data.phoneNumber) ?? []
  const emails = emailAddressData?.map((data) => data.emailAddress) ?? []
  return [...new Set([phoneNumber, emailAddress, ...phones, ...emails])].filter(
    (held) => typeof held === 'string' && held !== '',
  ) as string[]
}

/** Whether a row shows all numbers and addresses of its record. */
export function isWhole({ phoneNumberData, emailAddressData }: EspoRecord): boolean {
  return Array.isArray(phoneNumberData) && Array.isArray(emailAddressData)
}

/** The surest of the ways in which a record holds an address. */
export function bestMatch(matcher: AddressMatcher, record: EspoRecord, address: ContactAddress): Lead['match'] | undefined {
  const matches = heldBy(record).flatMap((held) => matcher.match(held, address) ?? [])
  return matches.find(({ certainty }) => certainty === 'certain') ?? matches[0]
}

/** A record found by an address. */
export function leadOf(entityType: EspoEntityType, record: EspoRecord, match: Lead['match']): Lead {
  const { id, name, status, modifiedAt, createdAt, createdContactId, createdAccountId } = record
  const became = [createdContactId, createdAccountId].filter((other) => typeof other === 'string' && other !== '') as string[]
  const changedAt = instant(modifiedAt ?? createdAt)
  return {
    id,
    type: entityType,
    ...(name ? { name } : {}),
    kind: KINDS[entityType],
    stage: stageOf(entityType, status),
    match,
    ...(became.length > 0 ? { becameIds: became } : {}),
    ...(changedAt === undefined ? {} : { modifiedAt: changedAt }),
    addresses: heldBy(record),
  }
}

const KINDS = { Lead: 'lead', Contact: 'contact', Account: 'account' } as const

/** The standard statuses; those that a company adds count as open. https://docs.espocrm.com/user-guide/sales-management/#leads */
function stageOf(entityType: EspoEntityType, status: string | null | undefined): Lead['stage'] {
  if (entityType !== 'Lead') return 'open'
  return status === 'Converted' ? 'converted' : status === 'Dead' ? 'closed' : 'open'
}

/** EspoCRM writes UTC without saying so. */
function instant(time: string | null | undefined): string | undefined {
  return time && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(time) ? `${time.replace(' ', 'T')}Z` : undefined
}
