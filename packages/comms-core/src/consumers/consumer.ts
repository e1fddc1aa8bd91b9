import { consoleLogger } from '../console-logger.ts'
import { timerSleep } from '../pause.ts'
import { systemClock } from '../runtime.ts'
import { CheckpointedConsumer, type Consumer } from './checkpointed-consumer.ts'
import { type ConsumerOptions, checkConsumerOptions } from './consumer-options.ts'

/**
 * Runs a handler over the log, from the consumer's checkpoint on and then as events come: in order, one at a time, each at least once. An
 * event is repeated when the process ends between its effect and the save of the checkpoint. For an effect that happens exactly once:
 *
 * 1. **The position beside the effect.** When the effect is a change in a database, write `event.position` in the same transaction, leave
 *    the transaction out when the position there is not before it, and let `checkpoints.load` read it from there (`save` does nothing).
 * 2. **The effect under the event's name.** When it is a call to another system, give it `event.id` or `event.idempotencyKey` as its
 *    idempotency key, so that the other side knows the repeat.
 *
 * Outages of the log and of the checkpoints (`store_unavailable`, `store_overloaded`) are waited out, however long. One event that cannot
 * be handled never ends the consumer, unless `onPoison` says so: it is set aside. An event that a newer release wrote
 * (`event.unreadable`) is passed by: it is logged once, reported to `onProblem` and counted. After an upgrade the consumer is past it; to
 * have it handled then, set the checkpoint back to a position before it.
 * @throws CommsError `configuration_invalid`, naming each option that is missing, wrong or unknown; and for a second consumer of this id on these checkpoints.
 * @example
 * const consumer = runConsumer({
 *   id: 'crm-notes',
 *   store: cache,
 *   checkpoints,
 *   handle: async (event, { signal }) => crm.addNote(event, { key: event.idempotencyKey, signal }),
 *   wakeUp: async (waiting) => {
 *     for await (const _ of cache.tail(waiting)) return
 *   },
 * })
 * consumer.done.catch((error) => logger.error('crm-notes ended', { error }))
 * // later: await consumer.stop()
 */
export function runConsumer(options: ConsumerOptions): Consumer {
  checkConsumerOptions(options)
  const { maxTries = 10, firstRetryMs = 200, maxRetryMs = 30_000, saveEvery = 100, saveEveryMs = 1000, pollMs = 1000 } = options
  const { outageLimitMs = 86_400_000, stopTimeoutMs = 30_000 } = options
  const numbers = { maxTries, outageLimitMs, firstRetryMs, maxRetryMs, saveEvery, saveEveryMs, pollMs, stopTimeoutMs }
  const { onPoison = 'set-aside', onForeignCheckpoint = 'restart' } = options
  const { clock = systemClock, sleep = timerSleep, random = Math.random, logger = consoleLogger } = options
  return new CheckpointedConsumer({ ...options, ...numbers, onPoison, onForeignCheckpoint, clock, sleep, random, logger })
}
