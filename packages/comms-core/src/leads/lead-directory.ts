import type { ContactAddress } from '../events/contact-address.ts'
import type { WebhookRequest } from '../transport/webhook-request.ts'
import type { AddressMatch } from './address-match.ts'

/**
 * Who the company's leads are: a CRM, or anything that knows people by their addresses. It is asked and never told; it keeps no log.
 * `@pipe-comms/core/conformance` proves each of these promises against a directory.
 */
export interface LeadDirectory {
  /** Name of this directory, such as `espocrm`. In every tie it made, so it must stay. Lower-case letters, digits and dashes. */
  readonly id: string
  /**
   * The records that hold each of these addresses, in any spelling and also as a second number, by the address's `value`. An address
   * that nobody has is left out or has an empty list. Asks for all of them together, as far as the directory can.
   *
   * Implementers must keep: each record given was seen to hold the address (`addressMatcher`); a record is in the list once; an answer is
   * whole or an error, never a part of it that looks like the whole.
   * @throws CommsError `directory_unavailable` (try later; `retryAfterMs` when known), `directory_misconfigured` (an operator must act);
   * also when the signal is aborted. No secret is in the error or its causes.
   */
  findByAddresses(
    addresses: readonly ContactAddress[],
    options: { readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, readonly Lead[]>>
  /** How the directory tells that records have changed. Without it, unknown contacts are asked for on the schedule alone. */
  readonly changes?: LeadChanges
}

/** One record of a directory, found by an address. */
export interface Lead {
  readonly id: string
  /** The directory's word for the kind of record, such as `Lead`, `Contact`, `Account`. */
  readonly type?: string
  readonly name?: string
  /** `lead`: somebody who may buy. `contact`: a person known already. `account`: a company. */
  readonly kind: 'lead' | 'contact' | 'account'
  /** `open`: worked on. `converted`: became a contact or an account. `closed`: given up. */
  readonly stage: 'open' | 'converted' | 'closed'
  /** By which rule the address is this record's. */
  readonly match: AddressMatch
  /** Ids of the records that a converted one became: the same party, not another one. */
  readonly becameIds?: readonly string[]
  /** ISO 8601; of two that are otherwise alike the later one is taken. */
  readonly modifiedAt?: string
  /** Every address of the record, as it holds them, where the directory has them at hand. */
  readonly addresses?: readonly string[]
}

/** The ability to be told of changes. */
export interface LeadChanges {
  readonly webhooks: readonly LeadWebhook[]
  /** Work of its own, such as a sweep; told addresses go to `onChanged`. Ends with the signal. */
  watch?(options: { readonly signal: AbortSignal; readonly onChanged: (addresses: readonly ContactAddress[]) => void }): Promise<void>
}

/** One address that the directory calls. */
export interface LeadWebhook {
  /** Path on our server, such as `/webhooks/espocrm/Lead.create`. */
  readonly path: string
  readonly methods: readonly string[]
  /** @throws CommsError `webhook_unverified`; whatever it throws, nothing is done. */
  verify(request: WebhookRequest): void | Promise<void>
  /**
   * The addresses for which the directory may give another answer than before, records that are gone included.
   * @throws CommsError `webhook_unparsable`; `directory_unavailable` when it has to ask and cannot, so that the webhook comes again.
   */
  changed(request: WebhookRequest, options: { readonly signal: AbortSignal }): Promise<readonly ContactAddress[]>
}
