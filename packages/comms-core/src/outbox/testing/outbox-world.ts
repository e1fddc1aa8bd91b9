import { parseContactAddress } from '../../events/contact-address.ts'
import type { EventFact } from '../../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../../events/recorded-event.ts'
import { silentLogger, uuidSource } from '../../runtime.ts'
import type { EventStore } from '../../store/event-store.ts'
import { memoryEventStore } from '../../store/memory-event-store.ts'
import type { Transport } from '../../transport/transport.ts'
import { LogGrowth } from '../log-growth.ts'
import { reportMessage } from '../message-report.ts'
import { Outbox } from '../outbox.ts'
import type { OutboxOptions, OutboxProblem } from '../outbox-options.ts'
import { type RequestedMessage, recordRequest, type SendRequest } from '../send.ts'
import { VirtualTime } from './virtual-time.ts'

type CallbackType = 'message.sent' | 'message.delivered' | 'message.read' | 'message.failed'

/** One log in virtual time, and the instances that send what it says. For tests. */
export class OutboxWorld {
  readonly time = new VirtualTime()
  readonly growth = new LogGrowth()
  readonly store: EventStore
  readonly problems: OutboxProblem[] = []
  readonly runtime = { clock: this.time.clock, ids: uuidSource, logger: silentLogger }
  readonly transports: readonly Transport[]
  readonly #running: Outbox[] = []

  constructor(transports: readonly Transport[]) {
    this.transports = transports
    this.store = this.growth.watch(memoryEventStore({ clock: this.time.clock }))
  }

  start(options: Partial<OutboxOptions> = {}): Outbox {
    const outbox = new Outbox({
      store: this.store,
      transports: this.transports,
      ...this.runtime,
      sleep: this.time.sleep,
      random: () => 0,
      onProblem: (problem) => this.problems.push(problem),
      // Instances wake each other; a poll each second would only make hours long.
      pollMs: 3_600_000,
      ...options,
    })
    this.growth.onGrown((recorded) => outbox.heard(recorded))
    outbox.start()
    this.#running.push(outbox)
    return outbox
  }

  async request(over: Partial<SendRequest> = {}, transports = this.transports): Promise<RequestedMessage> {
    const given = { channel: 'pigeon', to: '+33639980001', content: { text: 'coo' }, ...over }
    return recordRequest(given, { store: this.store, transports, ...this.runtime })
  }

  async record(fact: EventFact): Promise<void> {
    const event = createEvent(fact, this.runtime)
    await this.store.append([{ streamId: streamIdOf(event), events: [event] }])
  }

  /** What the pigeon post says of a message, under its own name of it. */
  callback(type: CallbackType, messageId: string, to: string): Promise<void> {
    const data =
      type === 'message.failed' ? { error: { code: 'lost', class: 'provider' } } : type === 'message.sent' ? { origin: 'api' } : {}
    return this.record({
      type,
      idempotencyKey: `callback:${type}:${messageId}`,
      channel: 'pigeon',
      provider: 'pigeon',
      direction: 'outbound',
      contact: parseContactAddress(to),
      messageId: `pigeon:p-${messageId}`,
      providerMessageId: `p-${messageId}`,
      data,
    } as EventFact)
  }

  async log(): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = []
    for await (const event of this.store.readAll()) events.push(event)
    return events
  }

  async typesOf(messageId: string): Promise<string[]> {
    return (await this.log()).flatMap((event) => (event.messageId === messageId ? [event.type.split('.')[1] as string] : []))
  }

  async statusOf(messageId: string): Promise<string | undefined> {
    return (await reportMessage(this.store, messageId))?.status
  }

  /** Ends every instance at once. */
  async end(): Promise<void> {
    const stopped = Promise.all(this.#running.map((outbox) => outbox.stop({ abort: true })))
    await this.time.pass(120_000)
    await stopped
  }
}
