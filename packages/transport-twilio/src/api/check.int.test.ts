import { type SimulatedNumber, type SimulatedService, startTwilioSimulator, type TwilioSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type TwilioOptions, twilioTransport } from '../index.ts'
import { MESSAGING_SERVICE_SID, OUR_NUMBER, PUBLIC_URL } from '../testing/payloads.ts'

const OURS = `${PUBLIC_URL}/webhooks/twilio-sms/incoming`
const REPEATED = `${OURS}#rc=3&rp=5xx,ct,rt`
let twilio: TwilioSimulator

beforeEach(async () => {
  twilio = await startTwilioSimulator({ numbers: [{ phoneNumber: OUR_NUMBER, smsUrl: REPEATED }] })
})
afterEach(() => twilio.close())

const check = (over: Partial<TwilioOptions> = {}) =>
  twilioTransport({
    accountSid: twilio.account.sid,
    authToken: twilio.account.authToken,
    publicUrl: PUBLIC_URL,
    from: OUR_NUMBER,
    apiUrl: twilio.url,
    ...over,
  }).probe.check({ signal: new AbortController().signal })
const number = (change: Partial<SimulatedNumber>) => Object.assign(twilio.account.numbers[0] as SimulatedNumber, change)
const service = (change: Partial<SimulatedService>) =>
  twilio.account.services.push({ sid: MESSAGING_SERVICE_SID, numbers: [OUR_NUMBER], ...change })

it('finds nothing wrong with what is right', async () => {
  expect(await check()).toEqual([])
  service({})
  expect(await check()).toEqual([])
  expect(await check({ messagingServiceSid: MESSAGING_SERVICE_SID })).toEqual([])
  service({ sid: `MG${'0'.repeat(32)}`, numbers: ['+12025550111'], useInboundWebhookOnNumber: false })
  expect(await check()).toEqual([])
  expect(await check({ from: 'BRAND' })).toEqual([])
})

it.each<[string, () => unknown, Partial<TwilioOptions>, string, string]>([
  ['a suspended account', () => Object.assign(twilio.account, { status: 'suspended' }), {}, 'The account is suspended', 'billing'],
  ['a wrong token', () => {}, { authToken: 'wrong' }, 'answered 401', 'each region has tokens of its own'],
  ['a number of others', () => {}, { from: '+12025550199' }, 'is not in this account', 'one of the numbers of the account'],
  ['a number without SMS', () => number({ smsCapable: false }), {}, 'cannot send SMS', 'capability SMS'],
  [
    'no webhook',
    () => number({ smsUrl: '' }),
    {},
    `The webhook of the number ${OUR_NUMBER} is not set`,
    `"A message comes in" to ${REPEATED}`,
  ],
  [
    'another scheme',
    () => number({ smsUrl: REPEATED.replace('https', 'http') }),
    {},
    `is ${OURS.replace('https', 'http')}, not ours`,
    REPEATED,
  ],
  ['a slash more', () => number({ smsUrl: `${OURS}/` }), {}, `is ${OURS}/, not ours`, 'recoverInbound'],
  ['a TwiML app', () => number({ smsApplicationSid: 'AP1' }), {}, 'go to the TwiML app AP1', 'Take the app off'],
  ['no repeating', () => number({ smsUrl: OURS }), {}, 'does not repeat a webhook', REPEATED],
  [
    'a service that overrides the number, which nobody told of',
    () => service({ useInboundWebhookOnNumber: false, inboundRequestUrl: 'https://old.example.com/sms?secret=1' }),
    {},
    `The webhook of the Messaging Service ${MESSAGING_SERVICE_SID}, which overrides its numbers, is https://old.example.com/sms, not ours`,
    REPEATED,
  ],
  [
    'a service that drops what comes in',
    () => service({ useInboundWebhookOnNumber: false }),
    { messagingServiceSid: MESSAGING_SERVICE_SID },
    'drops incoming messages',
    'Defer to sender',
  ],
])('tells of %s, with its remedy', async (_, plant, over, problem, remedy) => {
  plant()
  const found = await check(over)
  expect(found).toHaveLength(1)
  expect(found[0]?.problem).toContain(problem)
  expect(found[0]?.remedy).toContain(remedy)
})

it('tells when Twilio cannot be reached, or there is nothing to ask with', async () => {
  twilio.failNext({ status: 503, code: 20503, message: 'Busy' })
  expect(await check()).toMatchObject([{ severity: 'error', remedy: expect.stringContaining('status.twilio.com') }])
  const silent = { authToken: undefined as never, publicUrl: undefined as never, allowUnverifiedWebhooks: true }
  expect(await check(silent)).toMatchObject([{ remedy: 'Set authToken or apiKey.' }])
})
