import type { MessageEventOf } from '../events/message-event.ts'
import type { OutboundMessage } from '../transport/transport.ts'
import type { ConsentReader } from './contact-consent.ts'
import type { StepLimits } from './next-step.ts'
import type { OutboxLog, OutboxRuntime } from './outbox-log.ts'
import type { Live } from './outbox-memory.ts'
import type { OutboxProblem } from './outbox-options.ts'

/** What every step of the outbox works with. */
export interface OutboxWork {
  readonly options: OutboxRuntime & { readonly attemptTimeoutMs: number }
  readonly limits: StepLimits
  /** Name of this instance in its claims. */
  readonly instance: string
  readonly log: OutboxLog
  readonly consents: ConsentReader
  /** Reads the log to its end: resolves when all is entered that was recorded before the call, or at a stop. */
  readonly readToEnd: () => Promise<void>
  /** Nothing new is begun. */
  readonly stopping: AbortSignal
  /** What is under way is broken off. */
  readonly aborting: AbortSignal
}

/** What the transport gets of a request. */
export function outboundMessage(request: MessageEventOf<'message.requested'>, { options: given }: OutboxWork): OutboundMessage {
  const { content, replyToProviderMessageId, options } = request.data
  return {
    messageId: request.messageId,
    to: request.contact,
    content,
    ...(replyToProviderMessageId === undefined ? {} : { replyToProviderMessageId }),
    ...(options === undefined ? {} : { options }),
    ...(given.openMedia ? { openMedia: given.openMedia } : {}),
  }
}

/** Tells the operator. */
export function reportProblem(
  { options: { logger, onProblem } }: OutboxWork,
  { entry, transportId: transport }: Pick<Live, 'entry' | 'transportId'>,
  kind: OutboxProblem['kind'],
  reason: string,
): void {
  const { messageId } = entry.request
  logger[kind === 'failed' ? 'warn' : 'error'](`Outbox: ${messageId} over ${transport}: ${kind}: ${reason}`)
  try {
    onProblem?.({ kind, messageId, transport, reason })
  } catch (error) {
    logger.error('onProblem threw', { error: error instanceof Error ? error.message : String(error) })
  }
}
