import type { EventFact } from '@pipe-comms/core'
import { checkOptions } from '../options.ts'
import { parseWebhook } from '../webhook/parse.ts'
import { ACCOUNT_SID, AUTH_TOKEN, type Form, PUBLIC_URL, sidOf } from './payloads.ts'
import { post } from './requests.ts'

export const SUBACCOUNT = sidOf('AC', 7)
export const options = checkOptions({
  accountSid: ACCOUNT_SID,
  authToken: AUTH_TOKEN,
  publicUrl: PUBLIC_URL,
  subaccounts: { [SUBACCOUNT]: 'sub-token' },
})

/** The facts in a webhook with this body. */
export function parseBody(body: string, path = '/webhooks/twilio-sms/incoming'): EventFact[] {
  const { url, headers, method } = post(path, body)
  return parseWebhook({ url, headers, method, body: new TextEncoder().encode(body) }, options)
}

export function parse(form: Form, path?: string): EventFact[] {
  return parseBody(new URLSearchParams(form).toString(), path)
}

export function phone(value: string, raw = value) {
  return { kind: 'phone', value, raw } as const
}
