import type { GreenApiSettings, GreenApiSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { greenApiTransport } from './index.ts'
import type { GreenApiOptions } from './options.ts'
import { API_TOKEN, running, simulatedInstance, transportTo, WEBHOOK_TOKEN } from './testing/simulator.ts'

const PUBLIC_URL = 'https://comms.example.com'
const right = { webhookUrl: `${PUBLIC_URL}/webhooks/greenapi`, webhookUrlToken: WEBHOOK_TOKEN }
const kinds = [
  'incomingWebhook',
  'outgoingWebhook',
  'outgoingMessageWebhook',
  'outgoingAPIMessageWebhook',
  'stateWebhook',
  'pollMessageWebhook',
  'editedMessageWebhook',
  'deletedMessageWebhook',
  'incomingCallWebhook',
  'outgoingCallWebhook',
] as const
const allOn = Object.fromEntries(kinds.map((kind) => [kind, 'yes'])) as Partial<GreenApiSettings>
let greenApi: GreenApiSimulator

beforeEach(async () => {
  // Quick enough for a reboot in a test, slow enough for its pushes to the address that is not there.
  greenApi = await simulatedInstance({ settings: { ...allOn, ...right }, speed: 5_000 })
})
afterEach(() => greenApi.close())

const transport = (options: Partial<GreenApiOptions> = {}) => transportTo(greenApi, { publicUrl: PUBLIC_URL, ...options })
const problems = async (options: Partial<GreenApiOptions> = {}) => (await transport(options).probe?.check(running())) ?? []

describe('the probe', () => {
  it('finds nothing wrong with an instance that is set up right, whichever way its token is written', async () => {
    expect(await problems()).toEqual([])
    greenApi.configure({ webhookUrlToken: `Bearer ${WEBHOOK_TOKEN}` })
    expect(await problems()).toEqual([])
    greenApi.configure({ webhookUrl: '' })
    expect(await problems({ inbox: true })).toEqual([])
  })

  it.each<[string, Partial<GreenApiSettings>, string, string]>([
    [
      'a URL that is not ours',
      { webhookUrl: 'https://other.example.com/hook?secret=1' },
      'error',
      `webhookUrl is https://other.example.com/hook: expected ${right.webhookUrl}`,
    ],
    ['no URL', { webhookUrl: '' }, 'error', 'webhookUrl is not set'],
    ['another token', { webhookUrlToken: 'another' }, 'error', 'webhookUrlToken is not the webhookToken'],
    ['no token', { webhookUrlToken: '' }, 'error', 'webhookUrlToken is not the webhookToken'],
    [
      'no incoming messages',
      { incomingWebhook: 'no' },
      'error',
      'incomingWebhook is off: Green-API does not tell messages that leads write',
    ],
    ['no statuses', { outgoingWebhook: 'no' }, 'error', 'outgoingWebhook is off'],
    ['no edits', { editedMessageWebhook: 'no' }, 'warning', 'editedMessageWebhook is off: Green-API does not tell edits'],
    [
      'a long delay',
      { delaySendMessagesMilliseconds: 600_000 },
      'warning',
      'delaySendMessagesMilliseconds is 600000: expected 500 to 300000',
    ],
    ['privacy ids', { enableLidMode: 'yes' }, 'warning', 'enableLidMode is on'],
  ])('finds %s', async (_, settings, severity, problem) => {
    greenApi.configure(settings)
    expect(await problems()).toEqual([{ severity, problem: expect.stringContaining(problem), remedy: expect.stringMatching(/./) }])
  })

  it.each([
    ['notAuthorized', 'error', 'logged out'],
    ['pendingCode', 'error', 'new login'],
    ['pendingPassword', 'error', 'new login'],
    ['starting', 'warning', 'starting'],
    ['blocked', 'error', 'banned'],
    ['suspended', 'error', 'suspended'],
    ['yellowCard', 'error', 'suspended'],
    ['sleepMode', 'warning', 'offline'],
    ['novelty', 'warning', 'novelty'],
  ])('finds the state %s', async (state, severity, problem) => {
    greenApi.setState(state)
    expect(await problems()).toEqual([{ severity, problem: expect.stringContaining(problem), remedy: expect.stringMatching(/./) }])
  })

  it('finds a URL where there should be none, and an instance that cannot be asked', async () => {
    expect(await problems({ inbox: true })).toMatchObject([{ severity: 'error', problem: expect.stringContaining('webhookUrl is set') }])
    expect(await problems({ apiToken: 'wrong-api-token-for-tests' })).toMatchObject([
      { problem: 'Green-API: getStateInstance answered 401', remedy: expect.stringContaining('apiToken') },
    ])
    const withoutToken = greenApiTransport({ idInstance: 1, webhookToken: WEBHOOK_TOKEN })
    expect(await withoutToken.probe?.check(running())).toMatchObject([{ problem: 'Green-API: getStateInstance: apiToken is not set' }])
    await greenApi.close()
    expect(await problems()).toMatchObject([{ problem: expect.stringMatching(/cannot connect|without an answer/) }])
  })
})

describe('applySettings', () => {
  it('writes what is wrong, and only that; after the reboot nothing is', async () => {
    greenApi.configure({ ...right, webhookUrl: 'https://other.example.com/', outgoingWebhook: 'no', stateWebhook: 'no' })
    expect(await transport().applySettings({ delaySendMessagesMilliseconds: 1_000 })).toEqual([
      'webhookUrl',
      'outgoingWebhook',
      'stateWebhook',
      'delaySendMessagesMilliseconds',
    ])
    expect(greenApi.state()).toBe('starting')
    await expect.poll(greenApi.state).toBe('authorized')
    expect(await problems()).toEqual([])
    expect(greenApi.settings()).toMatchObject({ ...right, delaySendMessagesMilliseconds: 1_000 })
  })

  it('writes nothing, and so reboots nothing, when nothing is wrong', async () => {
    expect(await transport().applySettings()).toEqual([])
    expect(greenApi.calls).toEqual({ 'getSettings 200': 1 })
  })

  it('takes the URL away for an inbox', async () => {
    expect(await transport({ inbox: true }).applySettings()).toEqual(['webhookUrl'])
  })

  it('leaves alone a kind that the instance does not know', async () => {
    const { outgoingCallWebhook: _, ...older } = greenApi.settings()
    greenApi.fault({ on: 'getSettings', do: 'answer', status: 200, body: JSON.stringify(older) })
    expect(await transport().applySettings()).toEqual([])
  })

  it('says what is missing, or that it did not work, without a secret', async () => {
    await expect(transportTo(greenApi).applySettings()).rejects.toMatchObject({ code: 'configuration_invalid' })
    greenApi.configure({ stateWebhook: 'no' })
    greenApi.fault({ on: 'setSettings', do: 'answer', status: 400, body: `${API_TOKEN} ${WEBHOOK_TOKEN}` })
    await expect(transport().applySettings()).rejects.toMatchObject({
      code: 'send_rejected',
      message: 'Green-API: setSettings answered 400: *** ***',
    })
    greenApi.fault({ on: 'setSettings', do: 'answer', status: 200, body: '{"saveSettings":false}' })
    await expect(transport().applySettings()).rejects.toMatchObject({ code: 'send_unavailable' })
  })
})
