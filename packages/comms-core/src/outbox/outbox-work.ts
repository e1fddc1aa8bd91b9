import type { MessageEventOf } from '../events/message-event.ts'
import type { OutboundMessage } from '../transport/transport.ts'
import type { ConsentReader } from './contact-consent.ts'
import type { StepLimits } from './next-step.ts'
import type { OutboxLog, OutboxRuntime } from './outbox-log.ts'
import type { Live } from './outbox-memory.ts'
import type { OutboxOptions, OutboxProblem } from './outbox-options.ts'

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

/** Says to the operator what became of a message. */
export function reportProblem(
  { options }: OutboxWork,
  { entry, transportId: transport }: Pick<Live, 'entry' | 'transportId'>,
  kind: OutboxProblem['kind'],
  reason: string,
): void {
  const { messageId } = entry.request
  options.logger[kind === 'failed' ? 'warn' : 'error'](`Outbox: ${messageId} over ${transport}: ${kind}: ${reason}`)
  callOnProblem(options, { kind, messageId, transport, reason })
}

/** What `onProblem` throws is logged and changes nothing. */
export function callOnProblem({ logger, onProblem }: OutboxOptions, problem: OutboxProblem): void {
  try {
    onProblem?.(problem)
  } catch (error) {
    logger.error('onProblem threw', { error: error instanceof Error ? error.message : String(error) })
  }
}
