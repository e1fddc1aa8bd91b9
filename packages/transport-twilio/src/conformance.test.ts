import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type OutboundMessage, parseContactAddress } from '@pipe-comms/core'
import { type ReconcileScenario, transportConformance } from '@pipe-comms/core/conformance'
import { type ApiFault, startTwilioSimulator } from '@pipe-comms/simulators'
import { describe, it } from 'vitest'
import { type TwilioOptions, twilioTransport } from './index.ts'
import {
  ACCOUNT_SID,
  AUTH_TOKEN,
  incomingMms,
  incomingSms,
  incomingWhatsApp,
  OUR_NUMBER,
  PUBLIC_URL,
  smsStatus,
  THEIR_NUMBER,
} from './testing/payloads.ts'
import { post, signedGet, signedPost } from './testing/requests.ts'

const INCOMING = '/webhooks/twilio-sms/incoming'
const STATUS = '/webhooks/twilio-sms/status'
const HEALTHY_URL = `${PUBLIC_URL}${INCOMING}#rc=3&rp=5xx,ct,rt`
const SECONDARY = 'secondary-token-for-tests'

const message: OutboundMessage = { messageId: 'm-1', to: parseContactAddress(THEIR_NUMBER), content: { text: 'Bonjour' } }
/** The way in which each of these ends, and a word of the answer that echoes the credentials. */
const faults: Readonly<Record<string, ApiFault>> = {
  rejected: { status: 400, code: 21211, message: `Invalid 'To', said ${AUTH_TOKEN}` },
  unavailable: { status: 429, code: 20429, message: 'Too Many Requests' },
  uncertain: 'take-and-hang',
  misconfigured: { status: 401, code: 20003, message: `Authenticate ${AUTH_TOKEN}` },
}

transportConformance(
  'Twilio',
  async () => {
    let sends = 0
    let sendFault: ApiFault | undefined
    const simulator = await startTwilioSimulator({
      fault: ({ method, path }) => {
        if (method !== 'POST' || !path.endsWith('/Messages.json')) return undefined
        sends += 1
        return sendFault
      },
      accountSid: ACCOUNT_SID,
      authToken: AUTH_TOKEN,
      numbers: [{ phoneNumber: OUR_NUMBER, smsUrl: HEALTHY_URL }],
      resolve: () => 'http://127.0.0.1:1/',
    })
    const transport = (over: Partial<TwilioOptions> = {}) =>
      twilioTransport({
        accountSid: ACCOUNT_SID,
        authToken: [AUTH_TOKEN, SECONDARY],
        publicUrl: PUBLIC_URL,
        from: OUR_NUMBER,
        apiUrl: simulator.url,
        timeoutMs: 300,
        ...over,
      })
    return {
      transport: transport(),
      secrets: [AUTH_TOKEN, SECONDARY],
      webhook: {
        otherChannels: ['whatsapp'],
        genuine: [
          () => signedPost(INCOMING, incomingSms(1)),
          () => signedPost(INCOMING, incomingSms(2, { Body: 'STOP' }), SECONDARY),
          () => signedPost(INCOMING, incomingMms(3, ['image/jpeg', 'image/png'])),
          () => signedPost(INCOMING, incomingWhatsApp(4)),
          () => signedGet(INCOMING, incomingSms(5)),
          () => signedPost(`${STATUS}?messageId=m-1`, smsStatus(6, 'sent')),
          () => signedPost(`${STATUS}?messageId=m-1`, smsStatus(6, 'delivered')),
          () => signedPost(STATUS, smsStatus(7, 'failed', { ErrorCode: '21610' })),
        ],
        signed: (body) => {
          const form = Object.fromEntries(new URLSearchParams(new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)))
          const path = 'MessageStatus' in form ? (form.ErrorCode ? STATUS : `${STATUS}?messageId=m-1`) : INCOMING
          const { headers } = signedPost(path, form)
          return post(path, body, { 'x-twilio-signature': headers.get('x-twilio-signature') ?? '' })
        },
        forged: [
          (body) => post(INCOMING, body),
          (body) => post(INCOMING, body, { 'x-twilio-signature': '' }),
          (body) => post(INCOMING, body, { 'x-twilio-signature': 'SA5PpDqyTxc3l3fCt7rigzCWuM4=' }),
          (body) =>
            post(STATUS, body, { 'x-twilio-signature': signedPost(STATUS, { Body: 'another' }).headers.get('x-twilio-signature') ?? '' }),
          (body) => post(INCOMING, body, { 'x-twilio-signature': 'x', 'content-type': 'application/json' }),
        ],
      },
      sending: (scenario) => {
        sendFault = faults[scenario]
        sends = 0
        return { transport: transport(), message, calls: () => sends }
      },
      reconciling: async (scenario: ReconcileScenario) => {
        const attemptedAt = new Date(Date.now() - 1000).toISOString()
        if (scenario === 'taken') {
          simulator.failNext('take-and-reset')
          await transport()
            .send(message, { signal: new AbortController().signal })
            .catch(() => undefined)
        }
        const apiUrl = scenario === 'unreachable' ? await closedPort() : simulator.url
        const asked = scenario === 'not-sent' ? { ...message, content: { text: 'Au revoir' } } : message
        return { transport: transport({ apiUrl }), message: asked, attemptedAt }
      },
      probing: (scenario) => {
        const [number] = simulator.account.numbers
        if (number && scenario === 'unhealthy') number.smsUrl = `http://comms.example.com${INCOMING}`
        return transport()
      },
      dispose: () => simulator.close(),
    }
  },
  { runner: { describe, it } },
)

/** A port that was free a moment ago. */
async function closedPort(): Promise<string> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return `http://127.0.0.1:${port}`
}
