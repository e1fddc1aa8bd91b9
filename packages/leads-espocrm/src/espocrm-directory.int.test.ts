import {
  type Comms,
  type ContactAddress,
  createComms,
  createEvent,
  memoryEventStore,
  type NewEvent,
  parseContactAddress,
  type RecordedEvent,
  systemClock,
  uuidSource,
} from '@pipe-comms/core'
import { type EspoCrmSimulator, espoCrmSimulator, serveEspoCrm } from '@pipe-comms/simulators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EspoCrmDirectoryOptions, espoCrmDirectory, registerEspoCrmWebhooks } from './index.ts'

const API_KEY = 'api-key-for-tests'
let crm: EspoCrmSimulator
let server: Awaited<ReturnType<typeof serveEspoCrm>>
beforeEach(async () => {
  crm = espoCrmSimulator({ apiKey: API_KEY })
  server = await serveEspoCrm(crm)
})
afterEach(() => server.close())

const directory = (options: Partial<EspoCrmDirectoryOptions> = {}) =>
  espoCrmDirectory({ url: server.url, apiKey: API_KEY, defaultRegion: 'FR', ...options })
const signal = new AbortController().signal
const ask = async (raw: string, options: Partial<EspoCrmDirectoryOptions> = {}) => {
  const address = parseContactAddress(raw)
  return (await directory(options).findByAddresses([address], { signal })).get(address.value) ?? []
}
const asked = (entityType: string) => crm.requests.filter((request) => request.startsWith(`GET ${entityType}`))

describe('the directory over HTTP', () => {
  it.each([
    ['06 39 98 00 01', '33639980001@c.us', 'phone:national'],
    ['06.39.98.00.01', '+33639980001', 'phone:national'],
    ['+330639980001', '+33639980001', 'phone'],
    ['+55 31 8765-4321', '+5531987654321', 'phone:ninth-digit'],
    ['+52 33 1234 5678', '5213312345678@c.us', 'phone'],
    ['0690 00 12 34', '590690001234@c.us', 'phone:french-overseas'],
    ['Alex@Example.com', 'ALEX@example.COM', 'email'],
  ])('finds a number held as %s for %s', async (held, seen, rule) => {
    const id = crm.create('Lead', { name: 'Alex Martin', ...(held.includes('@') ? { emailAddress: held } : { phoneNumber: held }) })
    expect(await ask(seen)).toMatchObject([{ id, type: 'Lead', match: { rule } }])
  })

  it.each([
    ['between direction marks', '\u202a+33 6 39 98 00 01\u202c', '33639980001@c.us', 'phone'],
    ['with a zero-width space', '06 39\u200b 98 00 01', '+33639980001', 'phone:national'],
    ['in Arabic digits', '٠٦٣٩٩٨٠٠٠١', '+33639980001', 'phone:national'],
    ['in Persian digits with spaces', '۰۶ ۳۹ ۹۸ ۰۰ ۰۱', '+33639980001', 'phone:national'],
    ['in full width', '０６３９９８０００１', '+33639980001', 'phone:national'],
    ['behind a label', 'Tél. : 06 39 98 00 01', '+33639980001', 'phone:national'],
    ['behind a label with a digit', 'Mobile 2 : 06 39 98 00 01', '+33639980001', 'phone:national'],
    ['before a note', '06 39 98 00 01 (bureau)', '+33639980001', 'phone:national'],
    ['before an extension', '+33639980001,123', '+33639980001', 'phone'],
    ['with the text mark of a spreadsheet', "'0639980001", '+33639980001', 'phone:national'],
    ['first of two', '06 39 98 00 01 / 06 39 98 00 02', '+33639980001', 'phone:national'],
    ['second of two', '0639980002/0639980001', '+33639980001', 'phone:national'],
    ['third of three', '+33639980003; +33639980002; +33639980001', '33639980001@c.us', 'phone'],
    ['by the old plan', '+229 97 00 00 01', '+2290197000001', 'phone:benin-2024'],
    ['by the new plan', '+225 07 07 00 00 01 (bureau)', '22507000001@c.us', 'phone:ivory-coast-2021'],
  ])('finds a number held %s', async (_, held, raw, rule) => {
    const id = crm.create('Contact', { name: 'Alex Martin', phoneNumbers: ['+33639980099', held] })
    crm.create('Contact', { name: 'Other', phoneNumber: '06 39 98 00 04 / 06 39 98 00 05' })
    expect(await ask(raw)).toMatchObject([{ id, type: 'Contact', match: { rule } }])
  })

  it.each(['commande 0639980001', 'CMD0639980001', '0639980001 €'])('does not take %j for a number', async (held) => {
    crm.create('Lead', { name: 'Alex Martin', phoneNumber: held })
    expect(await ask('+33639980001')).toEqual([])
  })

  it('asks one list of each type for a number that a field of its own holds, and two for one that none does', async () => {
    crm.create('Lead', { name: 'Alex', phoneNumber: '+33639980001' })
    const one = directory()
    const requestsOf = async (raw: string) => {
      const before = crm.requests.length
      await one.findByAddresses([parseContactAddress(raw)], { signal })
      return crm.requests.length - before
    }
    expect(await requestsOf('+33639980001')).toBe(3)
    // The first time it also looks whether there are numbers in other scripts.
    expect(await requestsOf('+33639980002')).toBe(9)
    expect(await requestsOf('+33639980003')).toBe(6)
    expect(await requestsOf('alex@example.com')).toBe(3)
  })

  it('finds many numbers in fields with several, each at its own record', async () => {
    const two = (index: number) => String(index).padStart(2, '0')
    const ids = Array.from({ length: 30 }, (_, index) =>
      crm.create('Lead', { name: `Lead ${index}`, phoneNumber: `06 39 98 00 ${two(index)} / 06 39 98 00 ${two(index + 50)}` }),
    )
    const seen = [...ids.keys()].map((index) => parseContactAddress(`+336399800${two(index + 50)}`))
    const found = await directory().findByAddresses(seen, { signal })
    expect(seen.map(({ value }) => found.get(value)?.map(({ id }) => id))).toEqual(ids.map((id) => [id]))
  })

  it('leaves out an attribute that is not as expected, and no record for it', async () => {
    const id = crm.create('Lead', { name: { first: 'Alex' }, status: 7, phoneNumber: '+33639980001' })
    expect(await ask('+33639980001')).toMatchObject([{ id, kind: 'lead', stage: 'open' }])
  })

  it('reads the whole record before it believes a row that shows another number', async () => {
    const id = crm.create('Contact', { name: 'Alex', phoneNumbers: ['+33639980002', '+33639980001'] })
    expect(await ask('+33639980001')).toMatchObject([{ id, kind: 'contact' }])
    expect(asked('Contact/')).toEqual([`GET Contact/${id}`])
  })

  it('reads no record for a row that shows the number', async () => {
    crm.create('Lead', { name: 'Alex', phoneNumber: '+33639980001' })
    await ask('+33639980001')
    expect(asked('Lead')).toEqual(['GET Lead'])
  })

  it('tells lead, contact and account apart, and what a lead became', async () => {
    const contact = crm.create('Contact', { name: 'Alex', phoneNumber: '+33639980001' })
    crm.create('Account', { name: 'Example SARL', phoneNumber: '+33639980001' })
    crm.create('Lead', { name: 'Alex', phoneNumber: '+33639980001', status: 'Converted', createdContactId: contact })
    const leads = await ask('+33639980001')
    expect(leads.map(({ kind, stage }) => `${kind} ${stage}`).sort()).toEqual(['account open', 'contact open', 'lead converted'])
    expect(leads.find(({ kind }) => kind === 'lead')?.becameIds).toEqual([contact])
    expect(leads[0]?.modifiedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  })

  it('reads on when more records hold a number than fit on a page', async () => {
    for (let count = 0; count < 450; count += 1) crm.create('Lead', { name: `Lead ${count}`, phoneNumber: '+33639980001' })
    expect(await ask('+33639980001')).toHaveLength(450)
    expect(asked('Lead')).toHaveLength(3)
  })

  it('keeps to what a URL can hold, however many addresses are asked for', async () => {
    const ids = Array.from({ length: 100 }, (_, index) =>
      crm.create('Lead', { name: `Lead ${index}`, phoneNumber: `06 39 98 00 ${String(index).padStart(2, '0')}` }),
    )
    const urls: string[] = []
    const found = await directory({
      fetch: (url, init) => {
        urls.push(String(url))
        return fetch(url, init)
      },
    }).findByAddresses(
      ids.map((_, index) => parseContactAddress(`+336399800${String(index).padStart(2, '0')}`)),
      { signal },
    )
    expect([...found.values()].map(([lead]) => lead?.id)).toEqual(ids)
    expect(Math.max(...urls.map(({ length }) => length))).toBeLessThan(7_000)
  })

  it('finds numbers with extensions, in the first list when the CRM is said to keep them', async () => {
    const id = crm.create('Lead', { name: 'Alex', phoneNumber: '+33639980001 ext. 12' })
    expect(await ask('+33639980001')).toMatchObject([{ id }])
    const before = asked('Lead').length
    expect(await ask('+33639980001', { phoneNumberExtensions: true })).toMatchObject([{ id }])
    expect(asked('Lead')).toHaveLength(before + 1)
  })

  it('says what the CRM says, and waits long before it shows a wrong key again', async () => {
    await expect(ask('+33639980001', { apiKey: 'wrong' })).rejects.toMatchObject({ code: 'directory_misconfigured', retryAfterMs: 300_000 })
    crm.faults.failWith = () => 503
    await expect(ask('+33639980001')).rejects.toMatchObject({
      code: 'directory_unavailable',
      message: expect.stringContaining('GET Lead answered 503'),
    })
    await expect(ask('+33639980001', { url: 'http://127.0.0.1:9' })).rejects.toMatchObject({ code: 'directory_unavailable' })
  })
})

describe('with a local index', () => {
  it('knows every record without asking, and what a sweep brings', async () => {
    for (let count = 0; count < 250; count += 1) crm.create('Lead', { name: `Import ${count}`, emailAddress: `lead-${count}@example.com` })
    const id = crm.create('Contact', { name: 'Alex', phoneNumbers: ['+33639980002', '06 39 98 00 01'] })
    const told: string[] = []
    const stop = new AbortController()
    const indexed = directory({ localIndex: true, sweepMs: 20 })
    const watching = indexed.changes?.watch?.({
      signal: stop.signal,
      onChanged: (addresses) => told.push(...addresses.map(({ value }) => value)),
    })
    await expect.poll(() => told).toContain('+33639980001')
    const before = crm.requests.length
    const found = await indexed.findByAddresses([parseContactAddress('+33639980001'), parseContactAddress('lead-7@example.com')], {
      signal,
    })
    expect(found.get('+33639980001')).toMatchObject([{ id, type: 'Contact' }])
    expect(found.get('lead-7@example.com')).toHaveLength(1)
    // The sweep goes on, of whole lists; a single read would be a question about these.
    expect(crm.requests.slice(before).filter((request) => request.includes('/'))).toEqual([])

    const late = crm.create('Lead', { name: 'Late', phoneNumber: '06 39 98 00 04 / 06 39 98 00 03 (bureau)' })
    await expect.poll(() => told).toContain('+33639980003')
    expect(told).toContain('+33639980004')
    expect((await indexed.findByAddresses([parseContactAddress('+33639980003')], { signal })).get('+33639980003')).toMatchObject([
      { id: late },
    ])
    stop.abort()
    await watching
  })
})

describe('a lead that is entered after the first message', () => {
  it('is tied to the whole history as soon as the CRM tells of it, and the tie can be undone', async () => {
    let comms: Comms | undefined
    const hooked = espoCrmSimulator({
      apiKey: API_KEY,
      fetch: async (url, init) => comms?.handle(new Request(url as string, init)) ?? new Response(null, { status: 503 }),
    })
    const connection = {
      url: 'https://crm.example.com',
      apiKey: API_KEY,
      fetch: (url: string | URL | Request, init?: RequestInit) => hooked.fetch(new Request(url, init)),
    }
    const webhooks = await registerEspoCrmWebhooks(connection, { publicUrl: 'https://comms.example.com', events: ['Lead.create'] })
    const store = memoryEventStore()
    comms = createComms({
      store,
      leads: { directory: espoCrmDirectory({ ...connection, webhooks, defaultRegion: 'FR' }), pollMs: 10, askAgainAfterMs: [3_600_000] },
    })
    const [whatsapp, email] = [parseContactAddress('33639980001@c.us'), parseContactAddress('alex@example.com')]
    await store.append([
      { streamId: 'whatsapp:+33639980001', events: [received('whatsapp', whatsapp, 'one')] },
      { streamId: 'email:alex@example.com', events: [received('email', email, 'two')] },
      { streamId: 'whatsapp:+33639980001', events: [received('whatsapp', whatsapp, 'three')] },
    ])
    comms.start()
    await expect.poll(() => comms?.leadState?.()).toMatchObject({ contacts: 2, correlated: 0 })
    await expect.poll(() => hooked.requests.filter((request) => request === 'GET Lead').length).toBeGreaterThan(0)

    const id = hooked.create('Lead', { name: 'Alex Martin', phoneNumber: '06 39 98 00 01', emailAddress: 'alex@example.com' })
    expect(await hooked.processWebhooks()).toEqual([{ event: 'Lead.create', status: 200, items: 1 }])
    const lead = { directory: 'espocrm', type: 'Lead', id }
    await expect.poll(() => comms && textsOf(comms, lead)).toEqual(['one', 'two', 'three'])
    expect(await typesOf(comms, lead)).toContain('lead.correlated')

    await comms.uncorrelate(whatsapp, lead, { by: 'ann', reason: 'another Alex' })
    expect(await textsOf(comms, lead)).toEqual(['two'])
    await comms.correlate(whatsapp, lead, { by: 'ann' })
    expect(await textsOf(comms, lead)).toEqual(['one', 'two', 'three'])
    await comms.close()
  })
})

function received(channel: string, contact: ContactAddress, text: string): NewEvent {
  const fact = {
    channel,
    provider: 'test',
    direction: 'inbound' as const,
    contact,
    messageId: text,
    providerMessageId: text,
    idempotencyKey: text,
  }
  return createEvent({ type: 'message.received', ...fact, data: { text } }, { clock: systemClock, ids: uuidSource })
}

async function eventsOf(comms: Comms, of: Parameters<Comms['timeline']>[0]): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = []
  for await (const event of comms.timeline(of)) all.push(event)
  return all
}

const textsOf = async (comms: Comms, of: Parameters<Comms['timeline']>[0]) =>
  (await eventsOf(comms, of)).flatMap((event) => (event.type === 'message.received' ? [event.data.text] : []))
const typesOf = async (comms: Comms, of: Parameters<Comms['timeline']>[0]) => (await eventsOf(comms, of)).map(({ type }) => type)
