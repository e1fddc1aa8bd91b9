import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type GreenApiSimulator, type GreenApiSimulatorOptions, startGreenApiSimulator } from '../../index.ts'

export const ALL_ON = {
  incomingWebhook: 'yes',
  outgoingWebhook: 'yes',
  outgoingAPIMessageWebhook: 'yes',
  outgoingMessageWebhook: 'yes',
  stateWebhook: 'yes',
} as const
export const LEAD = '33639980001@c.us'

const open: { close(): Promise<void> }[] = []
/** Closes what the test has opened. */
export async function closeAll(): Promise<void> {
  for (const one of open.splice(0)) await one.close()
}

export const simulator = async (options: GreenApiSimulatorOptions = {}) => {
  const started = await startGreenApiSimulator({
    apiToken: 'token-for-tests',
    speed: 1_000,
    rateLimits: false,
    settings: ALL_ON,
    ...options,
  })
  open.push(started)
  return started
}
export const call = async ({ url, idInstance, apiToken }: GreenApiSimulator, method: string, body?: unknown, rest = '', verb?: string) => {
  const response = await fetch(`${url}/waInstance${idInstance}/${method}/${apiToken}${rest}`, {
    method: verb ?? (body === undefined ? 'GET' : 'POST'),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
  }
}

/** A webhook receiver that answers as told and keeps what it got. */
export async function receiver(statusOf: (body: string, turn: number) => number | 'hang' = () => 200) {
  const got: { body: string; authorization: string | undefined }[] = []
  const server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    got.push({ body, authorization: request.headers.authorization })
    const status = statusOf(body, got.length)
    if (status !== 'hang') response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, got, kinds: () => got.map(({ body }) => kindOf(body)) }
}
const kindOf = (body: string) => {
  try {
    const { typeWebhook, status, messageData } = JSON.parse(body)
    if (typeWebhook === 'novelty') return typeWebhook
    return status ?? messageData?.textMessageData?.textMessage ?? typeWebhook
  } catch {
    return body
  }
}
