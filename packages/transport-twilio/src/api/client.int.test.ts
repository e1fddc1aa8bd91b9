import { startTwilioSimulator, type TwilioSimulator } from '@pipe-comms/simulators'
import twilio from 'twilio'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkOptions } from '../options.ts'
import { OUR_NUMBER, PUBLIC_URL, THEIR_NUMBER } from '../testing/payloads.ts'
import { openCall } from './client.ts'

let simulator: TwilioSimulator
beforeEach(async () => {
  simulator = await startTwilioSimulator()
})
afterEach(() => simulator.close())

/** The SDK with the HTTP client it comes with, sent to the simulator. */
const stock = () => {
  const httpClient = new twilio.RequestClient()
  httpClient.axios.interceptors.request.use((request) => {
    const { pathname, search } = new URL(request.url ?? '')
    return { ...request, url: simulator.url + pathname + search }
  })
  return twilio(simulator.account.sid, simulator.account.authToken, { httpClient })
}
const ours = async () => {
  const { sid: accountSid, authToken } = simulator.account
  return (
    await openCall(checkOptions({ accountSid, authToken, publicUrl: PUBLIC_URL, apiUrl: simulator.url }), new AbortController().signal)
  ).client
}

it.each([
  ['as it comes', async () => stock()],
  ['over fetch', ours],
])('the SDK, %s, creates, lists and fails alike', async (_, open) => {
  const client = await open()
  const parameters = {
    to: THEIR_NUMBER,
    from: OUR_NUMBER,
    body: 'é & + =',
    mediaUrl: ['https://example.com/1?a=b&c', 'https://example.com/2'],
    smartEncoded: false,
    validityPeriod: 60,
  }
  const { sid, dateCreated } = await client.messages.create(parameters)
  expect(dateCreated).toBeInstanceOf(Date)
  expect(simulator.account.messages).toMatchObject([{ sid, body: parameters.body, mediaUrls: parameters.mediaUrl }])
  await simulator.settled()
  const found = await client.messages.list({ to: THEIR_NUMBER, dateSentAfter: new Date(Date.now() - 86_400_000), limit: 5 })
  expect(found.map((message) => [message.sid, message.status])).toEqual([[sid, 'delivered']])
  await expect(client.messages.create({ ...parameters, to: '+15005550004' })).rejects.toMatchObject({ status: 400, code: 21610 })
  await expect(client.messages('SM0').fetch()).rejects.toMatchObject({ status: 404, code: 20404 })
})
