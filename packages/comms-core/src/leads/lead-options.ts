import { callback, listOf, methodsOption, nameOption, optionsObject, part, pathOption, type Shape, wholeNumber } from '../check-options.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import type { LeadDirectory } from './lead-directory.ts'

export interface LeadOptions {
  /** Who knows the leads. */
  readonly directory: LeadDirectory
  /**
   * The longest a message waits for the directory before it is recorded without its lead, which is then found later, in milliseconds.
   * Nobody notices 150 ms, and no provider does. @default 150
   */
  readonly budgetMs?: number
  /** Most addresses in one question. @default 50 */
  readonly maxBatch?: number
  /** Most questions under way at once: a CRM serves its users first. @default 4 */
  readonly maxInFlight?: number
  /** How long one question may take, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  /** How long a lead that was found is believed, in milliseconds; then it is asked for again behind the next message. @default 3600000 (1 hour) */
  readonly foundForMs?: number
  /** How long "nobody" is believed when a contact writes again, in milliseconds. @default 300000 (5 minutes) */
  readonly notFoundForMs?: number
  /** Most answers remembered, found and not found each. @default 50000 */
  readonly maxCached?: number
  /** When unknown contacts are asked for again, in milliseconds from their last event. @default 1, 5, 15 minutes, … 30 days */
  readonly askAgainAfterMs?: readonly number[]
  /** How often the log is read on for contacts to ask for, in milliseconds. @default 1000 */
  readonly pollMs?: number
  /**
   * Finds the phone number behind an address that no directory holds, such as a WhatsApp privacy id. What it gives is recorded as
   * `contact.linked`. Asked on the same schedule.
   */
  readonly resolveContact?: (contact: ContactAddress, options: { readonly signal: AbortSignal }) => Promise<ContactAddress | undefined>
  /** Told of each tie that was recorded after its message. What it throws is logged and changes nothing. */
  readonly onCorrelated?: (event: RecordedEvent) => void
  /** @default a timer */
  readonly sleep?: Sleep
  /** A number from 0 up to 1, for the jitter of waits. @default Math.random */
  readonly random?: () => number
}

/** For metrics and readiness. */
export interface LeadState {
  /** Contacts with an address that a directory could know. */
  readonly contacts: number
  /** Those of them that have a lead. */
  readonly correlated: number
  /** Questions sent to the directory by this run. */
  readonly asked: number
  /** Addresses in a question now. */
  readonly underWay: number
  /** Whether the directory is asked at all now. */
  readonly available: boolean
}

const directorySchema = part('a LeadDirectory', {
  id: nameOption,
  findByAddresses: callback,
  changes: part('an object', {
    webhooks: listOf('webhooks', part('a webhook', { path: pathOption, methods: methodsOption, verify: callback, changed: callback })),
    watch: callback.optional(),
  }).optional(),
})

/** What each of these options must be. */
const leadShape: Shape<LeadOptions> = {
  directory: directorySchema,
  budgetMs: wholeNumber(0).optional(),
  maxBatch: wholeNumber(1).optional(),
  maxInFlight: wholeNumber(1).optional(),
  timeoutMs: wholeNumber(1).optional(),
  foundForMs: wholeNumber(0).optional(),
  notFoundForMs: wholeNumber(0).optional(),
  maxCached: wholeNumber(1).optional(),
  askAgainAfterMs: listOf('milliseconds', wholeNumber(0)).optional(),
  pollMs: wholeNumber(1).optional(),
  resolveContact: callback.optional(),
  onCorrelated: callback.optional(),
  sleep: callback.optional(),
  random: callback.optional(),
}

export const leadOptions = optionsObject(leadShape)
