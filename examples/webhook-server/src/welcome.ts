import { resolve } from 'node:path'
import { sign } from 'hono/jwt'
import type { Config } from './config.ts'

const SANDBOX_JWT_SECONDS = 86_400

/** What the server says when it is up: where it listens, where events go, and lines that can be pasted to try it. */
export async function welcome(config: Config, url: string, now = Date.now()): Promise<string> {
  const seconds = Math.floor(now / 1000)
  const lines = [
    'Pipe Comms webhook server is up.',
    `  Listens on   ${url}`,
    `  Events go to ${destination(config)}`,
    config.sandbox.greenApi
      ? `  Green-API    sandbox: no credentials, so nothing is sent; POST ${url}/webhooks/greenapi takes ${config.sandbox.webhookToken ? "this run's generated token" : 'GREEN_API_WEBHOOK_TOKEN'}`
      : `  Green-API    instance ${config.greenApi.instanceId}; its webhookUrl is ${config.publicUrl ?? url}/webhooks/greenapi`,
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

function destination({ persistence, logsDir, sqliteFile, database }: Config): string {
  if (persistence === 'json') return `${resolve(logsDir)} (JSON lines, a file a day, UTC)`
  if (!database) return `${resolve(sqliteFile)} (SQLite)`
  // Neither key nor password.
  return 'url' in database ? `${new URL(database.url).host} (PostgreSQL)` : `${new URL(database.supabaseUrl).host} (Supabase)`
}

function curl(rest: string): string {
  return `curl ${rest}`
}
