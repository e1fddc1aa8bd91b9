import { beforeEach, describe, expect, it } from 'vitest'
import { type Comms, createComms } from '../comms.ts'
import { anyContactAddress } from '../events/contact-address.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { LeadRef } from './lead-ties.ts'

let store: EventStore
let comms: Comms
beforeEach(async () => {
  store = memoryEventStore()
  comms = createComms({ store, defaultRegion: 'FR' })
  await received('33639980001@c.us', 'by phone')
  await received('100000000000001@lid', 'by privacy id')
})

async function received(raw: string, text: string): Promise<void> {
  const named = { channel: 'whatsapp', provider: 'test', contact: anyContactAddress(raw), messageId: text, providerMessageId: text }
  const fact = { ...named, type: 'message.received' as const, direction: 'inbound' as const, idempotencyKey: text, data: { text } }
  const event = createEvent(fact, { clock: systemClock, ids: uuidSource })
  await store.append([{ streamId: streamIdOf(event), events: [event] }])
}

async function textsOf(of: Parameters<Comms['timeline']>[0]): Promise<string[]> {
  const texts: string[] = []
  for await (const event of comms.timeline(of)) if (event.type === 'message.received') texts.push(String(event.data.text))
  return texts
}

describe('a contact given as text', () => {
  it.each(['+33639980001', '06 39 98 00 01', '33639980001@c.us', 'Tél. : 06.39.98.00.01 (bureau)'])(
    'has its timeline: %s',
    async (text) => {
      expect(await textsOf(text)).toEqual(['by phone'])
    },
  )

  it('has its timeline by its canonical value', async () => {
    expect(await textsOf('lid:100000000000001')).toEqual(['by privacy id'])
  })

  it.each(['whatsapp:+33639980001', 'whatsapp:06 39 98 00 01', 'whatsapp:0033639980001'])('has its conversation: %s', async (text) => {
    const { streamId, messages } = await comms.conversation(text)
    expect([streamId, messages.map(({ content }) => content.text)]).toEqual(['whatsapp:+33639980001', ['by phone']])
  })

  it('has an empty conversation when it is none', async () => {
    expect(await comms.conversation('whatsapp')).toMatchObject({ streamId: 'whatsapp', messages: [] })
    expect(await comms.conversation('whatsapp:@')).toMatchObject({ streamId: 'whatsapp:@', messages: [] })
  })

  it('is refused with its code when it can be read as no address', async () => {
    await expect(textsOf('@')).rejects.toMatchObject({ code: 'address_invalid' })
    await expect(textsOf('06 39 98 00 01 / 06 39 98 00 02')).rejects.toMatchObject({ code: 'address_invalid' })
  })

  it('is linked and tied as the address that it names', async () => {
    await comms.link('06 39 98 00 01', 'lid:100000000000001', { by: 'ann' })
    expect(await textsOf('+33639980001')).toEqual(['by phone', 'by privacy id'])
    await comms.correlate('06 39 98 00 01', { directory: 'espocrm', type: 'Lead', id: '7' }, { by: 'ann' })
    expect(await textsOf({ directory: 'espocrm', type: 'Lead', id: '7' })).toEqual(['by phone', 'by privacy id'])
  })
})

describe('a lead given in part', () => {
  const lead: LeadRef = { directory: 'espocrm', type: 'Lead', id: '7' }
  beforeEach(async () => {
    await comms.correlate('+33639980001', lead, { by: 'ann' })
    await comms.correlate('lid:100000000000001', { ...lead, type: 'Contact' }, { by: 'ann' })
  })

  it.each<[string, Parameters<Comms['timeline']>[0], string[]]>([
    ['its id, directory and type', { ...lead }, ['by phone']],
    ['its id and type', { id: '7', type: 'Contact' }, ['by privacy id']],
    ['its id and directory: the records of every type', { id: '7', directory: 'espocrm' }, ['by phone', 'by privacy id']],
    ['its id: the records of every type', { id: '7' }, ['by phone', 'by privacy id']],
    ['another directory', { id: '7', directory: 'other' }, []],
    ['another id', { id: '8' }, []],
  ])('has its timeline by %s', async (_, of, texts) => {
    expect(await textsOf(of)).toEqual(texts)
  })
})
