import { callback, idsOption, listOf, loggerOption, objectWith, optionsObject, storeOption, wholeNumber } from './check-options.ts'
import { CommsError } from './errors.ts'
import { regionOption } from './events/region-option.ts'
import { leadOptions } from './leads/lead-options.ts'
import { outboxShape } from './outbox/outbox-options.ts'
import type { Transport } from './transport/transport.ts'
import { transportSchema } from './transport/transport-shape.ts'

/** What each option of `createComms` must be. */
export const commsShape = {
  store: storeOption,
  spool: objectWith('an open Spool', ['put', 'drain', 'size'], 'await openFileSpool(…)').optional(),
  transports: listOf('transports', transportSchema).optional(),
  defaultRegion: regionOption.optional(),
  outbox: optionsObject(outboxShape).optional(),
  leads: leadOptions.optional(),
  maxBodyBytes: wholeNumber(1).optional(),
  maxPendingBodyBytes: wholeNumber(1).optional(),
  ingestTimeoutMs: wholeNumber(1).optional(),
  onWebhook: callback.optional(),
  logger: loggerOption.optional(),
  clock: objectWith('a clock', ['now', 'monotonic']).optional(),
  ids: idsOption.optional(),
  random: callback.optional(),
  sleep: callback.optional(),
}

/** The transports by their ids. @throws CommsError `configuration_invalid` when two have the same. */
export function transportsById(transports: readonly Transport[]): ReadonlyMap<string, Transport> {
  const byId = new Map(transports.map((transport) => [transport.id, transport]))
  if (byId.size === transports.length) return byId
  throw new CommsError('configuration_invalid', `Expected transports with different ids, got ${transports.map(({ id }) => id).join(', ')}`)
}

const LEAST_PENDING_BODIES = 4

/** How many bytes of bodies are held at once. @throws CommsError `configuration_invalid` when not even one whole body fits. */
export function pendingBodyBytes(maxBodyBytes: number, given: number | undefined): number {
  if (given === undefined) return Math.max(67_108_864, LEAST_PENDING_BODIES * maxBodyBytes)
  if (given >= maxBodyBytes) return given
  throw new CommsError(
    'configuration_invalid',
    `createComms: maxPendingBodyBytes: expected at least maxBodyBytes (${maxBodyBytes}), got ${given}`,
  )
}
