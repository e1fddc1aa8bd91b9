import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Comms, type CommsOptions, createComms } from '../comms.ts'
import { collect } from '../conformance/runner.ts'
import { silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { PigeonPost } from './testing/pigeon-post.ts'
import { VirtualTime } from './testing/virtual-time.ts'

const REQUEST = { channel: 'pigeon', to: '+33639980001', content: { text: 'coo' } }

let time: VirtualTime
let store: EventStore
let post: PigeonPost
let comms: Comms
let warnings: string[]

function open(over: Partial<CommsOptions> = {}): Comms {
  const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) }
  return createComms({ store, transports: [post.transport], clock: time.clock, sleep: time.sleep, logger, ...over })
}

beforeEach(() => {
  time = new VirtualTime()
  store = memoryEventStore({ clock: time.clock })
  post = new PigeonPost()
  warnings = []
  comms = open()
})
afterEach(async () => {
  const closed = comms.close()
  await time.pass(60_000)
  await closed
})

describe('send with waitFor', () => {
  it('before start() is refused, says to call start(), and records nothing', async () => {
    await expect(comms.send(REQUEST, { waitFor: 'sent' })).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: 'send: waitFor "sent" needs a running outbox; call comms.start() first',
    })
    expect(await collect(store.readAll())).toEqual([])
  })

  it('waits by the injected time, and answers with how far the message got', async () => {
    comms.start()
    post.answers = ['unavailable']
    let answer: unknown
    void comms.send(REQUEST, { waitFor: 'delivered', timeoutMs: 60_000 }).then((status) => {
      answer = status
    })
    await time.pass(59_000)
    expect(answer).toBeUndefined()
    await time.pass(2_000)
    expect(answer).toMatchObject({ status: 'sent' })
  })

  it('ends with the signal of the caller', async () => {
    comms.start()
    const gone = new AbortController()
    const waiting = comms.send(REQUEST, { waitFor: 'delivered', signal: gone.signal })
    await time.pass(1_000)
    gone.abort()
    await time.pass(0)
    expect(await waiting).toMatchObject({ status: 'sent' })
  })
})

describe('send without waitFor', () => {
  it('before start() is accepted, and warns once when start() does not follow within 10 seconds', async () => {
    expect(await comms.send(REQUEST)).toMatchObject({ status: 'requested' })
    await time.pass(9_000)
    await comms.send(REQUEST)
    expect(warnings).toEqual([])
    await time.pass(60_000)
    expect(warnings).toEqual([expect.stringContaining('comms.start() was not called')])
  })

  it('before start() warns of nothing when start() follows', async () => {
    await comms.send(REQUEST)
    comms.start()
    await time.pass(60_000)
    expect(warnings).toEqual([])
  })
})

describe('the status of a message with a fallback', () => {
  it('names the message that stands in for it, once there is one', async () => {
    const sms = new PigeonPost({ id: 'sms', channel: 'sms' })
    comms = open({ transports: [post.transport, sms.transport] })
    post.answers = ['reject']
    const fallback = [{ channel: 'sms', to: '+33639980001' }]
    const { messageId } = await comms.send({ ...REQUEST, fallback })
    expect(await comms.message(messageId)).not.toHaveProperty('next')
    comms.start()
    await time.pass(10_000)
    const failed = await comms.message(messageId)
    expect(failed).toMatchObject({ status: 'failed', next: `${messageId}.next` })
    expect(await comms.message(failed?.next ?? '')).toMatchObject({ status: 'sent', channel: 'sms' })
  })
})
