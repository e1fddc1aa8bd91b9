import { signTwilioRequest } from '@pipe-comms/simulators'
import { AUTH_TOKEN, type Form, PUBLIC_URL } from './payloads.ts'

const FORM = 'application/x-www-form-urlencoded; charset=utf-8'
/** What the server sees behind its proxy. */
const SEEN_AS = 'http://127.0.0.1:3000'

/** A webhook as Twilio would send it, as it comes out of the proxy. */
export function signedPost(path: string, form: Form, token = AUTH_TOKEN): Request {
  return post(path, new URLSearchParams(form).toString(), { 'x-twilio-signature': signTwilioRequest(token, PUBLIC_URL + path, form) })
}

export function signedGet(path: string, form: Form): Request {
  const target = `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(form)}`
  return new Request(SEEN_AS + target, { headers: { 'x-twilio-signature': signTwilioRequest(AUTH_TOKEN, PUBLIC_URL + target, {}) } })
}

export function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Request {
  return new Request(SEEN_AS + path, { method: 'POST', body, headers: { 'content-type': FORM, ...headers } })
}
