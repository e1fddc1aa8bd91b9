import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { type EspoCrmSimulator, espoCrmSimulator } from './espocrm-simulator.ts'

const BASE = 'https://crm.example.com/api/v1'
let crm: EspoCrmSimulator
let now: number
beforeEach(() => {
  now = Date.parse('2026-11-20T10:00:00Z')
  crm = espoCrmSimulator({ apiKey: 'key', secretKey: 'secret', now: () => now })
})

const call = async (path: string, init: RequestInit = {}) =>
  crm.fetch(new Request(`${BASE}/${path}`, { ...init, headers: { 'x-api-key': 'key', ...(init.headers as Record<string, string>) } }))
interface Answer extends Record<string, unknown> {
  total: number
  list: Record<string, unknown>[]
}
const json = async (answer: Promise<Response>) => (await (await answer).json()) as Answer
const list = async (entityType: string, params: object) =>
  json(call(`${entityType}?searchParams=${encodeURIComponent(JSON.stringify(params))}`))
const idsWhere = async (...where: object[]) => (await list('Lead', { where })).list.map(({ id }) => id)

describe('search', () => {
  beforeEach(() => {
    crm.create('Lead', { id: 'a', name: 'Alex', phoneNumbers: ['06 39 98 00 01', '+33639980002'], emailAddresses: ['Alex@Example.com'] })
    crm.create('Lead', { id: 'b', name: 'Billie', phoneNumber: '+33639980003 ext. 12' })
  })

  it.each<[string, object, string[]]>([
    ['the text of a number, exactly', { type: 'equals', attribute: 'phoneNumber', value: '06 39 98 00 01' }, ['a']],
    ['not the same number in another spelling', { type: 'equals', attribute: 'phoneNumber', value: '+33639980001' }, []],
    ['a second number', { type: 'equals', attribute: 'phoneNumber', value: '+33639980002' }, ['a']],
    ['the digits, exactly', { type: 'in', attribute: 'phoneNumberNumeric', value: ['0639980001'] }, ['a']],
    ['not the digits with a country', { type: 'equals', attribute: 'phoneNumberNumeric', value: '33639980001' }, []],
    ['the end of the digits', { type: 'endsWith', attribute: 'phoneNumberNumeric', value: '639980001' }, ['a']],
    ['digits in the middle', { type: 'contains', attribute: 'phoneNumberNumeric', value: '63998' }, ['a', 'b']],
    ['any one character for an underscore', { type: 'like', attribute: 'phoneNumber', value: '06 39 98 00 _1' }, ['a']],
    ["an extension's digits among them", { type: 'equals', attribute: 'phoneNumberNumeric', value: '3363998000312' }, ['b']],
    ['an address whatever the case', { type: 'equals', attribute: 'emailAddress', value: 'ALEX@example.com' }, ['a']],
    ['an address among others in lower case', { type: 'in', attribute: 'emailAddress', value: ['alex@example.com'] }, ['a']],
    ['not one among others in upper case', { type: 'in', attribute: 'emailAddress', value: ['Alex@Example.com'] }, []],
    [
      'either of two',
      {
        type: 'or',
        value: [
          { type: 'equals', attribute: 'name', value: 'Billie' },
          { type: 'like', attribute: 'emailAddress', value: 'alex@%' },
        ],
      },
      ['a', 'b'],
    ],
  ])('finds %s', async (_, where, ids) => {
    expect((await idsWhere(where)).sort()).toEqual(ids)
  })

  it('keeps no digits of a number in another script', async () => {
    crm.create('Lead', { id: 'c', name: 'Chadi', phoneNumber: '٠٦٣٩٩٨٠٠٠١' })
    expect(await idsWhere({ type: 'equals', attribute: 'phoneNumberNumeric', value: '' })).toEqual(['c'])
    expect(await idsWhere({ type: 'like', attribute: 'phoneNumber', value: '%٠%٠%١%' })).toEqual(['c'])
  })

  it('shows the primary number in lists and all in single reads', async () => {
    const row = (await list('Lead', { where: [{ type: 'equals', attribute: 'phoneNumber', value: '+33639980002' }] })).list[0]
    expect(row).toMatchObject({ phoneNumber: '06 39 98 00 01', emailAddress: 'alex@example.com', createdAt: '2026-11-20 10:00:00' })
    expect(row).not.toHaveProperty('phoneNumberData')
    const full = await json(call('Lead/a'))
    expect(full.phoneNumberData).toHaveLength(2)
    expect(full.emailAddressData).toMatchObject([{ emailAddress: 'Alex@Example.com', lower: 'alex@example.com', primary: true }])
  })

  it('takes the single parameters, with the plus encoded', async () => {
    const query = 'where[0][type]=equals&where[0][attribute]=phoneNumber&where[0][value]=%2B33639980002&maxSize=5'
    expect((await json(call(`Lead?${query}`))).total).toBe(1)
  })

  it('refuses more than 200, and pages', async () => {
    for (let count = 0; count < 250; count += 1) crm.create('Lead', { name: `Lead ${count}` })
    const refused = await call('Lead?maxSize=201')
    expect([refused.status, refused.headers.get('x-status-reason')]).toEqual([403, 'Max size should not exceed 200. Use offset and limit.'])
    expect((await list('Lead', { offset: 200 })).list).toHaveLength(52)
    expect((await json(call('Lead', { headers: { 'x-no-total': 'true' } }))).total).toBe(-1)
    expect((await json(call('Lead?offset=200', { headers: { 'x-no-total': 'true' } }))).total).toBe(-2)
  })

  it('does not list what was removed', async () => {
    crm.remove('Lead', 'a')
    expect((await list('Lead', {})).list.map(({ id }) => id)).toEqual(['b'])
    expect((await call('Lead/a')).status).toBe(404)
  })
})

describe('access', () => {
  it('takes an HMAC over method and path, in hexadecimal and raw', async () => {
    const hmac = createHmac('sha256', 'secret').update('GET /Lead').digest()
    const signed = (given: Buffer) => Buffer.concat([Buffer.from('key:'), given]).toString('base64')
    for (const given of [Buffer.from(hmac.toString('hex')), hmac]) {
      const headers = { 'x-hmac-authorization': signed(given) }
      expect((await crm.fetch(new Request(`${BASE}/Lead?maxSize=1`, { headers }))).status).toBe(200)
      expect((await crm.fetch(new Request(`${BASE}/Contact`, { headers }))).status).toBe(401)
    }
  })

  it('locks out after more than ten refusals within a minute', async () => {
    for (let count = 0; count < 11; count += 1) expect((await call('Lead', { headers: { 'x-api-key': 'wrong' } })).status).toBe(401)
    const locked = await call('Lead')
    expect([locked.status, locked.headers.get('x-status-reason')]).toEqual([403, expect.stringContaining('Max failed login attempts')])
    now += 60_000
    expect((await call('Lead')).status).toBe(200)
  })
})

describe('creating', () => {
  const post = (entityType: string, body: object, headers = {}) => call(entityType, { method: 'POST', body: JSON.stringify(body), headers })

  it('answers a duplicate with the records that are there, unless told not to look', async () => {
    crm.create('Lead', { id: 'a', name: 'Alex', phoneNumber: '+33639980001' })
    const refused = await post('Lead', { name: 'Alex', phoneNumber: '+33639980001' })
    expect([refused.status, await refused.json()]).toMatchObject([409, [{ id: 'a' }]])
    expect((await post('Lead', { name: 'Alex', phoneNumber: '+33639980001' }, { 'x-skip-duplicate-check': 'true' })).status).toBe(201)
  })

  it('makes ids of 17 hexadecimal digits, and notes as often as asked', async () => {
    const made = await json(post('Note', { type: 'Post', post: 'Bonjour', parentType: 'Lead', parentId: 'a' }))
    expect(made.id).toMatch(/^[0-9a-f]{17}$/)
    await post('Note', { type: 'Post', post: 'Bonjour', parentType: 'Lead', parentId: 'a' })
    expect(crm.records('Note')).toHaveLength(2)
  })
})

describe('webhooks', () => {
  const received: { event: string; items: Record<string, unknown>[]; headers: Headers }[] = []
  let status: number
  beforeEach(async () => {
    received.length = 0
    status = 200
    crm = espoCrmSimulator({
      apiKey: 'key',
      fetch: async (url, init) => {
        const { pathname } = new URL(url as string)
        received.push({ event: pathname.slice(1), items: JSON.parse(init?.body as string), headers: new Headers(init?.headers) })
        return new Response(null, { status })
      },
    })
    for (const event of ['Lead.create', 'Lead.update', 'Lead.delete']) {
      await call('Webhook', { method: 'POST', body: JSON.stringify({ event, url: `https://comms.example.com/${event}` }) })
    }
  })

  it('tell what was made whole, what was changed in part, and what is gone by its id, fifty at a time', async () => {
    for (let count = 0; count < 60; count += 1) crm.create('Lead', { name: `Lead ${count}`, phoneNumber: '+33639980001' })
    const id = crm.create('Lead', { name: 'Alex' })
    crm.update('Lead', id, { status: 'Assigned' })
    crm.remove('Lead', id)
    expect((await crm.processWebhooks()).map(({ event, items }) => `${event} ${items}`)).toEqual([
      'Lead.create 50',
      'Lead.create 11',
      'Lead.update 1',
      'Lead.delete 1',
    ])
    expect(received[0]?.items[0]).toMatchObject({ name: 'Lead 0', status: 'New', phoneNumber: '+33639980001' })
    expect(received[2]?.items).toEqual([{ id, status: 'Assigned', modifiedAt: expect.any(String) }])
    expect(received[3]?.items).toEqual([{ id }])
    expect(received[0]?.headers.get('signature')).toBeTruthy()
    expect(received[0]?.headers.get('x-signature')).toBeTruthy()
  })

  it.each([
    [503, 4],
    [429, 1],
    [502, 1],
    [410, 1],
  ])('answered %i are sent %i times', async (answered, times) => {
    status = answered
    crm.create('Lead', { name: 'Alex' })
    for (let run = 0; run < 6; run += 1) await crm.processWebhooks()
    expect(received).toHaveLength(times)
  })
})
