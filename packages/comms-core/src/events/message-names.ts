import type { ContactAddress } from './contact-address.ts'
import { idempotencyKey } from './idempotency-key.ts'

/** Who took a message, and what the provider calls it. `providerMessageId` is unique within the account. */
export interface ProviderName {
  readonly provider: string
  readonly account?: string | undefined
  readonly providerMessageId: string
}

/** The key of `message.requested`: a message of ours is found by its `messageId` alone. */
export function requestKey(messageId: string): string {
  return idempotencyKey('request', messageId)
}

/**
 * The key of the outbox's `message.sent`: a message of ours is found by the provider's name of it alone. Older releases wrote
 * `sent:<streamId>:<providerMessageId>`: those events are read as before, and this key does not find them.
 */
export function sentKey({ provider, account = 'default', providerMessageId }: ProviderName): string {
  return idempotencyKey('sent', provider, account, providerMessageId)
}

/** What `report.filed` calls a message: a digest, because names of providers may be long. A string is our own `messageId`. */
export async function reportName(of: ProviderName | string): Promise<string> {
  return shortDigest(typeof of === 'string' ? requestKey(of) : sentKey(of))
}

/** The first 128 bits of SHA-256, in hex. */
export async function shortDigest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Whether a report that names one address may be of a message that was sent to the other. A person has several addresses; a group has one,
 * so that a report from another chat, in which the provider uses the same id again, is of another message.
 */
export function mayBeOneRecipient(a: ContactAddress, b: ContactAddress): boolean {
  return a.value === b.value || (a.kind !== 'group' && b.kind !== 'group')
}
