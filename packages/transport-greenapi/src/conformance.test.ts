import { isoInstant } from '@pipe-comms/core'
import { transportConformance } from '@pipe-comms/core/conformance'
import type { GreenApiFault, GreenApiSimulator } from '@pipe-comms/simulators'
import { describe, it } from 'vitest'
import { ROWS } from './testing/rows/index.ts'
import { API_TOKEN, outbound, running, simulatedInstance, testClock, transportTo, WEBHOOK_TOKEN } from './testing/simulator.ts'

const post = (body: string | Uint8Array<ArrayBuffer>, authorization?: string) =>
  new Request('https://comms.example.com/webhooks/greenapi', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
  })
const genuine = (notification: object) => () => post(JSON.stringify(notification), `Bearer ${WEBHOOK_TOKEN}`)

const webhook = {
  genuine: ROWS.map(({ notification }) => genuine(notification)),
  signed: (body: Uint8Array<ArrayBuffer>) => post(body, `Bearer ${WEBHOOK_TOKEN}`),
  forged: [
    (body: Uint8Array<ArrayBuffer>) => post(body),
    (body: Uint8Array<ArrayBuffer>) => post(body, ''),
    (body: Uint8Array<ArrayBuffer>) => post(body, 'Bearer wrong'),
    (body: Uint8Array<ArrayBuffer>) => post(body, `Bearer ${WEBHOOK_TOKEN}x`),
    (body: Uint8Array<ArrayBuffer>) => post(body, `Bearer ${WEBHOOK_TOKEN.slice(0, -1)}`),
    (body: Uint8Array<ArrayBuffer>) => post(body, `Basic ${btoa(WEBHOOK_TOKEN)}`),
  ],
}

const message = outbound({ text: 'Bonjour' })
const sendFaults: Readonly<Record<string, GreenApiFault | undefined>> = {
  rejected: { on: 'sendMessage', do: 'answer', status: 400, body: JSON.stringify({ path: `/x/${API_TOKEN}`, message: `no ${API_TOKEN}` }) },
  unavailable: { on: 'sendMessage', do: 'answer', status: 429 },
  uncertain: { on: 'sendMessage', do: 'accept-then-answer', status: 502, body: `<html>${API_TOKEN}</html>` },
  misconfigured: { on: 'sendMessage', do: 'answer', status: 401 },
}

/** A message that was sent and whose answer was lost; the clock can be put on. */
async function lostSend(greenApi: GreenApiSimulator, fault: GreenApiFault, text: string) {
  const message = outbound({ text })
  const clock = testClock()
  const transport = transportTo(greenApi, { clock, sleep: clock.sleep, timeoutMs: 1_000 })
  greenApi.fault(fault)
  const attemptedAt = isoInstant(clock.now())
  await transport.send(message, running()).catch(() => undefined)
  return { transport, message, attemptedAt, clock }
}

transportConformance(
  'Green-API',
  async () => {
    const greenApi = await simulatedInstance({ settings: { incomingWebhook: 'yes' }, speed: 10_000 })
    return {
      transport: transportTo(greenApi, { inbox: true }),
      secrets: [WEBHOOK_TOKEN, API_TOKEN],
      webhook,
      sending: (scenario) => {
        const fault = sendFaults[scenario]
        if (fault) greenApi.fault(fault)
        const sends = () =>
          Object.entries(greenApi.calls).reduce((sum, [name, times]) => sum + (name.startsWith('sendMessage ') ? times : 0), 0)
        const before = sends()
        return { transport: transportTo(greenApi), message, calls: () => sends() - before }
      },
      inbox: {
        fill: (count) => {
          for (let index = 0; index < count; index += 1) greenApi.lead('33639980001').writes(`message ${index}`)
        },
      },
      reconciling: async (scenario) => {
        if (scenario === 'unreachable') {
          await greenApi.close()
          return { transport: transportTo(greenApi), message, attemptedAt: isoInstant(Date.now() - 600_000) }
        }
        if (scenario === 'taken') {
          greenApi.setState('notAuthorized')
          return lostSend(greenApi, { on: 'sendMessage', do: 'accept-then-drop' }, 'taken')
        }
        const lost = await lostSend(greenApi, { on: 'sendMessage', do: 'drop' }, 'not sent')
        lost.clock.time += 60_000
        await lost.transport.reconciler?.reconcile(lost.message, { attemptedAt: lost.attemptedAt, ...running() })
        lost.clock.time += 600_000
        return lost
      },
      probing: async (scenario) => {
        const transport = transportTo(greenApi, { publicUrl: 'https://comms.example.com' })
        greenApi.configure({ incomingWebhook: 'no' })
        if (scenario === 'unhealthy') return transport
        await transport.applySettings()
        while (greenApi.state() !== 'authorized') await new Promise((resolve) => setTimeout(resolve, 1))
        return transport
      },
      dispose: () => greenApi.close(),
    }
  },
  { runner: { describe, it } },
)
