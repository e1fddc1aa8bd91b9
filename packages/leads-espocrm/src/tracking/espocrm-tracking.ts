import { type ContactAddress, type EventStore, type LeadMatch, type MessageEventOf, type RecordedEvent, streamIdOf } from '@pipe-comms/core'
import { checkConnection, type EspoCrmConnection } from '../options.ts'
import { RecordRefused, RecordWriter } from './create-record.ts'
import { writeEmail } from './write-email.ts'
import { writeNote } from './write-note.ts'

export interface EspoCrmTrackingOptions extends EspoCrmConnection {
  /** The log, to read a message's content and what a contact wrote before its lead was known. */
  readonly store: EventStore
  /** The lead of a contact now, when the event itself has none; such as `leadOf` over the ties. @default only the event's own */
  readonly leadOf?: (contact: ContactAddress) => LeadMatch | undefined | Promise<LeadMatch | undefined>
  /** `emails`: each e-mail sent becomes an Email. `all`: each message besides, in and out, becomes a Note. @default "emails" */
  readonly track?: 'emails' | 'all'
  /** Gets each message that was set aside, and is waited for: keep it, or call somebody. When it throws, the message is tried again. */
  readonly onSetAside?: (message: SetAside) => Promise<void> | void
}

/** A message that the CRM will not take, while it takes others: its lead was deleted or merged, or the content is refused. */
export interface SetAside {
  readonly event: RecordedEvent
  readonly lead: LeadMatch
  /** In words, with the status that the CRM answered. No secret is in it. */
  readonly reason: string
}

/** For metrics. */
export interface EspoCrmTrackingState {
  /** Messages set aside since the start. */
  readonly setAside: number
  /** The latest of them, at most 100, the newest last. */
  readonly latest: readonly SetAside[]
}

/** A handler for a consumer of the log. */
export interface EspoCrmTracking {
  /**
   * Writes what the event tells to the CRM, if it is to be tracked and its contact has a lead; once, however often it is called, by one
   * consumer at a time. A tie that is found later brings what came before. What the CRM will never take is set aside, see `onSetAside`.
   * @throws CommsError `directory_unavailable`, `directory_misconfigured`: the consumer tries again.
   */
  handle(event: RecordedEvent, options: { readonly signal: AbortSignal }): Promise<void>
  state(): EspoCrmTrackingState
}

/**
 * Writes messages to the records of EspoCRM they belong to.
 * @example
 * const tracking = espoCrmTracking({ url, apiKey, store })
 * const consumer = runConsumer({ id: 'espocrm-tracking', store, checkpoints, handle: tracking.handle })
 */
export function espoCrmTracking(options: EspoCrmTrackingOptions): EspoCrmTracking {
  const writer = new RecordWriter(checkConnection('espoCrmTracking', options))
  const { store, track = 'emails' } = options
  const latest: SetAside[] = []
  let setAside = 0

  const write = async (event: RecordedEvent, lead: LeadMatch, signal: AbortSignal): Promise<void> => {
    try {
      await writeTo(event, lead, signal)
    } catch (error) {
      if (!(error instanceof RecordRefused)) throw error
      const message = { event, lead, reason: error.message }
      await options.onSetAside?.(message)
      setAside += 1
      latest.push(message)
      if (latest.length > MOST_LATEST) latest.shift()
    }
  }

  const writeTo = async (event: RecordedEvent, lead: LeadMatch, signal: AbortSignal): Promise<void> => {
    if (event.type === 'message.sent' && event.channel === 'email') return writeEmail(writer, await withContent(store, event), lead, signal)
    if (track === 'all' && event.type === 'message.received') return writeNote(writer, event, event.data, lead, signal)
    if (track === 'all' && event.type === 'message.sent') {
      const { data } = await withContent(store, event)
      return writeNote(writer, event, data.content ?? {}, lead, signal)
    }
  }

  return {
    state: () => ({ setAside, latest: [...latest] }),
    async handle(event, { signal }) {
      if (event.type === 'lead.correlated') {
        if (event.lead.directory !== 'espocrm') return
        for await (const earlier of store.readStream(streamIdOf(event), { signal })) {
          if (earlier.version >= event.version) return
          // What had a lead of its own was written then.
          if (!earlier.lead) await write(earlier, event.lead, signal)
        }
        return
      }
      if (!event.contact || (event.type !== 'message.sent' && event.type !== 'message.received')) return
      const lead = event.lead ?? (await options.leadOf?.(event.contact))
      if (lead?.directory === 'espocrm') await write(event, lead, signal)
    },
  }
}

const MOST_LATEST = 100

/** What was sent is told by the request; `message.sent` holds it only for what staff sent elsewhere. */
async function withContent(store: EventStore, event: MessageEventOf<'message.sent'>): Promise<MessageEventOf<'message.sent'>> {
  if (event.data.content) return event
  for await (const earlier of store.readStream(streamIdOf(event))) {
    if (earlier.type === 'message.requested' && earlier.messageId === event.messageId) {
      const { contact, endpoint } = earlier
      return {
        ...event,
        contact,
        ...((event.endpoint ?? endpoint) ? { endpoint: event.endpoint ?? endpoint } : {}),
        data: { ...event.data, content: earlier.data.content },
      }
    }
  }
  return event
}
