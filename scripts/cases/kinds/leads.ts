import {
  addressMatcher,
  createEvent,
  type LeadMatch,
  memoryCheckpointStore,
  memoryEventStore,
  parseContactAddress,
  runConsumer,
  type Sleep,
  streamIdOf,
  systemClock,
  timerSleep,
  uuidSource,
} from '@pipe-comms/core'
import { espoCrmDirectory, espoCrmTracking } from '@pipe-comms/leads-espocrm'
import { espoCrmSimulator } from '@pipe-comms/simulators'
import { type Case, jsonOf } from '../case.ts'

const API_KEY = 'api-key-for-cases'
const CRM = 'https://crm.example.com'

/** A number as it is kept in the CRM, and as it writes to us. */
export async function pair(given: Case): Promise<string[]> {
  const { region, held, seen } = await jsonOf<{ region: string; held: string; seen: string }>(given)
  const contact = parseContactAddress(seen, { defaultRegion: region })
  const matched = addressMatcher({ defaultRegion: region }).match(held, contact) !== undefined
  const crm = espoCrmSimulator({ apiKey: API_KEY })
  crm.create('Lead', { name: 'Camille', phoneNumbers: [held] })
  const fetch = (url: string | URL | Request, init?: RequestInit) => crm.fetch(new Request(url, init))
  const directory = espoCrmDirectory({ url: CRM, apiKey: API_KEY, fetch, defaultRegion: region })
  const found = (await directory.findByAddresses([contact], { signal: new AbortController().signal })).get(contact.value) ?? []
  const problems = [
    ...(matched === given.expected.same ? [] : [`matcher: expected ${given.expected.same}, got ${matched}`]),
    ...(found.length === (given.expected.same ? 1 : 0) ? [] : [`found in the CRM: ${found.length} leads`]),
  ]
  return problems
}

/** Messages of several leads are written to the CRM, some of which cannot be. */
export async function tracking(given: Case): Promise<string[]> {
  const {
    leads,
    answers = {},
    text = 'Bonjour',
    refuseLoneSurrogates,
    then,
  } = await jsonOf<{
    leads: readonly string[]
    answers?: Record<string, number>
    text?: string
    refuseLoneSurrogates?: boolean
    then?: string
  }>(given)
  const store = memoryEventStore()
  const written: string[] = []
  const fetch = async (url: string | URL | Request, init?: RequestInit) => {
    const request = new Request(url, init)
    if (request.method !== 'POST') {
      const id = new URL(request.url).pathname.split('/').at(-1) as string
      // A record that is gone can be read no more than written.
      if (answers[id]) return new Response(null, { status: 404 })
      return Response.json({ id, total: 0, list: [] })
    }
    const body = await request.text()
    if (refuseLoneSurrogates && /\\ud[89a-f]/i.test(body)) return new Response('Bad JSON', { status: 400 })
    const { parentId, post } = JSON.parse(body) as { parentId: string; post: string }
    const status = answers[parentId]
    if (status) return new Response(null, { status })
    written.push(parentId, ...(then && post.includes(then) ? [then] : []))
    return Response.json({ id: `note-${written.length}` })
  }
  const record = async (lead: string, said: string, number: number) => {
    const contact = parseContactAddress(`+3363998000${number}`)
    const match: LeadMatch = { id: lead, type: 'Lead', directory: 'espocrm', rule: 'phone', certainty: 'certain' }
    const event = createEvent(
      {
        type: 'message.received',
        idempotencyKey: `case:${number}`,
        channel: 'whatsapp',
        provider: 'greenapi',
        direction: 'inbound',
        contact,
        messageId: `greenapi:${number}`,
        providerMessageId: String(number),
        lead: match,
        data: { text: said },
      },
      { clock: systemClock, ids: uuidSource },
    )
    await store.append([{ streamId: streamIdOf(event), events: [event] }])
  }
  for (const [index, lead] of leads.entries()) await record(lead, text, index)
  if (then) await record(leads.at(-1) as string, then, 9)
  const { handle } = espoCrmTracking({ url: CRM, apiKey: API_KEY, store, fetch, track: 'all' })
  const sleep: Sleep = (_ms, signal) => timerSleep(1, signal)
  const consumer = runConsumer({ id: 'case', store, checkpoints: memoryCheckpointStore(), handle, sleep })
  let ended: unknown
  consumer.done.catch((error) => {
    ended = error
  })
  const expected = given.expected.written as string[]
  const deadline = Date.now() + 5_000
  while (ended === undefined && Date.now() < deadline && !expected.every((lead) => written.includes(lead)))
    await timerSleep(10, new AbortController().signal)
  await consumer.stop()
  return expected.flatMap((lead) =>
    written.includes(lead) ? [] : [`expected ${lead} to be written, got ${written.join(', ') || 'nothing'}`],
  )
}
