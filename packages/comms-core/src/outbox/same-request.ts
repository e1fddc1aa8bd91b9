import { CommsError } from '../errors.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import type { FallbackStep } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'

/** What is compared of two requests under one key. Times are not: a caller who tries again often counts them from now. */
export interface ComparedRequest {
  readonly channel: string
  /** Only when the caller names one: which one is the default may change with the configuration. */
  readonly transport?: string | undefined
  readonly recipient: ContactAddress
  readonly content: unknown
  readonly replyTo: unknown
  readonly options: unknown
  readonly onUncertain: unknown
  readonly fallback: readonly (Omit<FallbackStep, 'transport'> & { readonly transport?: string | undefined })[]
}

/**
 * Compares a request with the one that was recorded under the same key.
 * @throws CommsError `request_conflict`, naming what differs and nothing of what it says.
 */
export function expectSameRequest(recorded: RecordedEvent, asked: ComparedRequest): void {
  // One that this release cannot read cannot be compared; the key alone says that it is the same.
  if (recorded.type !== 'message.requested') return
  const { contact, data } = recorded
  const differs = (
    [
      ['channel', recorded.channel, asked.channel],
      ['transport', asked.transport && data.transport, asked.transport],
      ['recipient', addressOf(contact), addressOf(asked.recipient)],
      ['content', data.content, asked.content],
      ['replyTo', data.replyTo, asked.replyTo],
      ['options', data.options ?? {}, asked.options ?? {}],
      ['onUncertain', data.onUncertain ?? 'report', asked.onUncertain ?? 'report'],
      ['fallback', stepsOf(data.fallback ?? [], asked.fallback), stepsOf(asked.fallback, asked.fallback)],
    ] as const
  ).flatMap(([name, before, now]) => (canonical(before) === canonical(now) ? [] : [name]))
  if (differs.length === 0) return
  throw new CommsError(
    'request_conflict',
    `The idempotency key was used for another request, ${recorded.messageId}: expected the same ${differs.join(', ')}, got another. ` +
      'Use a key of its own for each message',
  )
}

/** The spelling of an address does not count. */
function addressOf(address: ContactAddress): string {
  return `${address.kind}:${address.value}`
}

function stepsOf(steps: ComparedRequest['fallback'], asked: ComparedRequest['fallback']): unknown[] {
  return steps.map((step, index) => ({
    ...step,
    to: addressOf(step.to),
    transport: asked[index]?.transport === undefined ? undefined : step.transport,
  }))
}

/** JSON with the names in order, without what is undefined. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? 'undefined'
  )
}
