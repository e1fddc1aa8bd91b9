import { parseContactAddress } from '@pipe-comms/core'
import { transportConformance } from '@pipe-comms/core/conformance'
import { describe, it } from 'vitest'
import { greenApiTransport } from './index.ts'
import { ID_INSTANCE } from './testing/notifications.ts'
import { ROWS } from './testing/rows/index.ts'

const WEBHOOK_TOKEN = 'webhook-token-for-tests'
const API_TOKEN = 'api-token-for-tests'

const post = (body: string | Uint8Array<ArrayBuffer>, authorization?: string) =>
  new Request('https://comms.example.com/webhooks/greenapi', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
  })
const genuine = (notification: object) => () => post(JSON.stringify(notification), `Bearer ${WEBHOOK_TOKEN}`)

const answers = {
  accepted: () => Response.json({ idMessage: 'BAE5000000000001' }),
  rejected: () =>
    Response.json(
      { statusCode: 400, path: `/waInstance1/sendMessage/${API_TOKEN}`, message: `Validation failed at ${API_TOKEN}` },
      { status: 400 },
    ),
  unavailable: () => new Response('', { status: 429 }),
  uncertain: () => new Response(`<html>${API_TOKEN}</html>`, { status: 502 }),
  misconfigured: () => new Response('', { status: 401 }),
}

const options = { idInstance: ID_INSTANCE, apiToken: API_TOKEN, webhookToken: WEBHOOK_TOKEN }

transportConformance(
  'Green-API',
  () => ({
    transport: greenApiTransport(options),
    secrets: [WEBHOOK_TOKEN, API_TOKEN],
    webhook: {
      genuine: ROWS.map(({ notification }) => genuine(notification)),
      signed: (body) => post(body, `Bearer ${WEBHOOK_TOKEN}`),
      forged: [
        (body) => post(body),
        (body) => post(body, ''),
        (body) => post(body, 'Bearer wrong'),
        (body) => post(body, `Bearer ${WEBHOOK_TOKEN}x`),
        (body) => post(body, `Bearer ${WEBHOOK_TOKEN.slice(0, -1)}`),
        (body) => post(body, `Basic ${btoa(WEBHOOK_TOKEN)}`),
      ],
    },
    sending: (scenario) => ({
      transport: greenApiTransport({ ...options, fetch: async () => answers[scenario]() }),
      message: { messageId: 'm-1', to: parseContactAddress('+33639980001'), content: { text: 'Bonjour' } },
    }),
  }),
  { runner: { describe, it } },
)
