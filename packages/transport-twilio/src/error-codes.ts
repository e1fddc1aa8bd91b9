import type { FailureClass } from '@pipe-comms/core'

/** What an error code of Twilio says. https://www.twilio.com/docs/api/errors */
export interface ErrorMeaning {
  /** Whose fault it is; `operator`: a setting or the account, so that every message fails until somebody acts. */
  readonly fault: FailureClass | 'operator'
  readonly text: string
  /** The same message may pass later. */
  readonly temporary?: boolean
}

const TABLE: readonly [ErrorMeaning['fault'], 'temporary' | 'final', Readonly<Record<number, string>>][] = [
  [
    'recipient',
    'final',
    {
      21211: 'the number is not valid',
      21265: 'the number cannot take it',
      21604: 'there is no recipient',
      21612: 'there is no route from this sender to this number',
      21614: 'the number is no mobile number',
      21635: 'the number is a landline',
      30004: 'blocked by the carrier or the recipient',
      30005: 'the number is unknown or in use no more',
      30006: 'a landline, or a carrier that cannot be reached',
      30011: 'the recipient cannot take MMS',
      63003: 'the recipient is not found on this channel',
      63014: 'the recipient has blocked this sender',
      63015: 'the recipient has not joined the sandbox',
      63024: 'the recipient is not valid',
      63033: 'the recipient has blocked this sender',
      63036: 'the recipient is not on WhatsApp',
    },
  ],
  // Of this recipient alone, so that it must not stop the messages to others.
  ['configuration', 'final', { 21408: 'sending to this region is not enabled', 21608: 'a trial account sends to verified numbers only' }],
  ['recipient', 'temporary', { 30003: 'the handset cannot be reached' }],
  [
    'content',
    'final',
    {
      21602: 'there is no body',
      21617: 'the body has more than 1600 characters',
      21619: 'there is neither body nor media',
      21620: 'a media URL is not valid',
      21623: 'there are too many media',
      21655: 'the ContentSid is not valid',
      21656: 'the ContentVariables are not valid',
      30019: 'the content is too large',
      63005: 'the channel refuses the content',
      63016: 'more than 24 hours after the last message of the recipient, WhatsApp takes a template only',
      63028: 'the number of template parameters is wrong',
    },
  ],
  [
    'policy',
    'final',
    {
      21610: 'the recipient has opted out',
      30007: 'filtered by the carrier as unwanted',
      63013: 'against the policy of the channel',
      63032: 'WhatsApp does not let this recipient be written to',
      63049: 'Meta chose not to deliver this marketing message; it must not be repeated',
    },
  ],
  [
    'operator',
    'final',
    {
      20003: 'the credentials are not accepted',
      20404: 'the account or resource does not exist',
      21212: 'the sender is not valid',
      21601: 'the sender cannot send SMS',
      21606: 'the sender is not ours or cannot send SMS',
      21609: 'the status callback URL is not valid',
      21660: 'the sender is of another account',
      21703: 'the Messaging Service has no sender',
      21704: 'the Messaging Service has no sender for this recipient',
      21705: 'the Messaging Service is not valid',
      30002: 'the account is suspended',
      30024: 'the sender is not provisioned with the carrier',
      30032: 'the toll-free sender is not verified',
      30034: 'the US sender is not registered (A2P 10DLC)',
      30035: 'the sender is still being configured',
      63007: 'the WhatsApp sender is not found',
      63051: 'the WhatsApp business account is locked',
    },
  ],
  [
    'provider',
    'temporary',
    {
      14107: 'over the rate of the account',
      20429: 'too many requests',
      20500: 'internal error of Twilio',
      20503: 'Twilio is not available',
      21611: 'the queue of the sender is full',
      30001: 'the queue is full',
      30008: 'unknown error',
      30022: 'over the carrier throughput of the registered brand',
      30023: 'over the daily limit of the registered brand',
      30410: 'the carrier did not answer in time',
      30500: 'internal error of the carrier',
      63012: 'internal error of the channel',
      63017: 'over the rate of the channel',
      63018: 'over the rate of the channel',
      63038: 'over the daily limit of the account',
    },
  ],
  ['provider', 'final', { 30036: 'not delivered within its validity period' }],
]

const MEANINGS = new Map<string, ErrorMeaning>(
  TABLE.flatMap(([fault, repeat, codes]) =>
    Object.entries(codes).map(([code, text]): [string, ErrorMeaning] => [
      code,
      { fault, text, ...(repeat === 'temporary' ? { temporary: true } : {}) },
    ]),
  ),
)

/** The recipient has asked Twilio for no more messages of this sender. https://www.twilio.com/docs/api/errors/21610 */
export const OPTED_OUT = '21610'

/** What is known of a code; nothing for one that is not in the table. */
export function meaningOf(code: string | number | undefined): ErrorMeaning | undefined {
  return MEANINGS.get(String(code))
}
