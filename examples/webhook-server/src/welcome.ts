import { resolve } from 'node:path'
import { sign } from 'hono/jwt'
import type { Config } from './config.ts'
import { SANDBOX_CRM_KEY } from './sandbox-espocrm.ts'

const SANDBOX_JWT_SECONDS = 86_400

/** What the server says when it is up: where it listens, where events go, and lines that can be pasted to try it. */
export async function welcome(
  config: Config,
  { url, crmUrl }: { readonly url: string; readonly crmUrl: string },
  now = Date.now(),
): Promise<string> {
  const seconds = Math.floor(now / 1000)
  const lines = [
    'Pipe Comms webhook server is up.',
    `  Listens on   ${url}`,
    config.persistence === 'json'
      ? `  Events go to ${resolve(config.logsDir)} (JSON lines, a file a day, UTC)`
      : `  Events go to ${resolve(config.sqliteFile)} (SQLite)`,
    config.sandbox.greenApi
      ? `  Green-API    sandbox: no credentials, so nothing is sent; POST ${url}/webhooks/greenapi takes ${config.sandbox.webhookToken ? "this run's generated token" : 'GREEN_API_WEBHOOK_TOKEN'}`
      : `  Green-API    instance ${config.greenApi.instanceId}; its webhookUrl is ${config.publicUrl ?? url}/webhooks/greenapi`,
    config.sandbox.espoCrm
      ? `  EspoCRM      sandbox: a few leads at ${crmUrl}/api/v1/Lead, X-Api-Key: ${SANDBOX_CRM_KEY}; Camille Moreau holds 06 39 98 00 01`
      : `  EspoCRM      ${crmUrl}; its webhooks are ${config.publicUrl ?? url}/webhooks/espocrm/<event>: ${Object.keys(config.espoCrm.webhooks).join(', ') || 'none configured'}`,
  ]
  if (config.sandbox.jwtSecret) lines.push('  API          JWT_SECRET is generated and changes at every start')

  const notification = JSON.stringify({
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: Number(config.greenApi.instanceId), wid: '33639980010@c.us', typeInstance: 'whatsapp' },
    timestamp: seconds,
    idMessage: `3EB0${seconds.toString(16).toUpperCase()}`,
    senderData: { chatId: '33639980001@c.us', sender: '33639980001@c.us', chatName: 'Camille', senderName: 'Camille' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour, je suis interesse' } },
  })
  // A configured secret stays in the environment; only one made for this run is shown.
  const token = config.sandbox.webhookToken ? config.greenApi.webhookToken : '$GREEN_API_WEBHOOK_TOKEN'
  lines.push(
    '',
    'Try it: a lead writes',
    '',
    curl(
      `-i -X POST ${url}/webhooks/greenapi -H "Authorization: Bearer ${token}" -H "Content-Type: application/json" -d '${notification}'`,
    ),
  )
  if (config.sandbox.jwtSecret) {
    const jwt = await sign({ sub: 'sandbox', exp: seconds + SANDBOX_JWT_SECONDS }, config.jwtSecret, 'HS256')
    lines.push('', 'and the event is in the log', '', curl(`-s ${url}/api/events -H "Authorization: Bearer ${jwt}"`))
  }
  return `${lines.join('\n')}\n`
}

function curl(rest: string): string {
  return `curl ${rest}`
}
