import { createHmac } from 'node:crypto'

/**
 * `X-Twilio-Signature` as Twilio makes it: over the URL without its fragment, and each name and value of the form in the order of their
 * names. https://www.twilio.com/docs/usage/security#validating-requests
 * @example
 * signTwilioRequest(authToken, 'https://comms.example.com/webhooks/twilio-sms/incoming', { MessageSid: 'SM…' })
 */
export function signTwilioRequest(authToken: string, url: string, form: Readonly<Record<string, string>>): string {
  const [called] = url.split('#')
  const pairs = Object.keys(form)
    .sort()
    .map((name) => name + form[name])
  return createHmac('sha1', authToken)
    .update(called + pairs.join(''), 'utf8')
    .digest('base64')
}
