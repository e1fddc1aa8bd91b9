import { resolve } from 'node:path'
import type { Config } from './config.ts'
import type { Server } from './server.ts'

/** What the server says when it is up: where it listens, where events go, and lines that can be pasted to try it. */
export function welcome(
  config: Config,
  { url, sandboxLines, hints, token: apiToken }: Pick<Server, 'url' | 'sandboxLines' | 'hints' | 'token'>,
  envFile?: { readonly path: string },
  now = Date.now(),
): string {
  const lines = [
    'Pipe Comms webhook server is up.',
    `  Listens on   ${url}`,
    ...(envFile ? [`  Settings     ${envFile.path}, and the environment, which wins`] : []),
    `  Events go to ${destination(config)}`,
    ...[...configured(config, url), ...sandboxLines].map((line) => `  ${line}`),
  ]
  if (config.sandbox.jwtSecret) lines.push('  API          JWT_SECRET is generated and changes at every start')

  if (config.sandbox.greenApi) {
    lines.push('', 'Try it: a lead writes', '', leadWrites(url, config, Math.floor(now / 1000)))
  }
  if (apiToken !== undefined) {
    const authorization = `-H "Authorization: Bearer ${apiToken}"`
    lines.push('', 'and the event is in the log', '', curl(`-s ${url}/api/events ${authorization}`))
    if (config.sandbox.greenApi) {
      const message = JSON.stringify({ channel: 'whatsapp', to: '+33639980001', text: 'Bonjour Camille' })
      const posted = `-s -X POST "${url}/api/messages?wait=delivered" ${authorization} -H "Content-Type: application/json" -d '${message}'`
      lines.push('', 'You answer, and it is sent and delivered', '', curl(posted))
    }
  }
  for (const { title, line } of hints) lines.push('', title, '', line)
  return `${lines.join('\n')}\n`
}

/** Invented, so never offered beside a real account: it would stay in the log for good. */
function leadWrites(url: string, { greenApi, sandbox }: Config, seconds: number): string {
  // A configured secret stays in the environment; only one made for this run is shown.
  const token = sandbox.webhookToken ? greenApi?.webhookToken : '$GREEN_API_WEBHOOK_TOKEN'
  const notification = JSON.stringify({
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: Number(greenApi?.instanceId), wid: '33639980010@c.us', typeInstance: 'whatsapp' },
    timestamp: seconds,
    idMessage: `3EB0${seconds.toString(16).toUpperCase()}`,
    senderData: { chatId: '33639980001@c.us', sender: '33639980001@c.us', chatName: 'Camille', senderName: 'Camille' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour, je suis interesse' } },
  })
  return curl(
    `-i -X POST ${url}/webhooks/greenapi -H "Authorization: Bearer ${token}" -H "Content-Type: application/json" -d '${notification}'`,
  )
}

/** What is connected to real providers, and what is switched off. */
function configured({ greenApi, twilio, smtp, espoCrm, publicUrl, sandbox }: Config, url: string): string[] {
  const lines: string[] = []
  if (!greenApi) lines.push('Green-API    off')
  else if (!sandbox.greenApi) {
    const webhook = `webhookUrl is ${publicUrl ?? url}/webhooks/greenapi, webhookUrlToken is GREEN_API_WEBHOOK_TOKEN`
    lines.push(`Green-API    instance ${greenApi.instanceId}; its ${webhook}`)
  }
  if (twilio) {
    const incoming = `${twilio.publicUrl}/webhooks/twilio-sms/incoming#rc=3&rp=5xx,ct,rt`
    const status = `${twilio.publicUrl}/webhooks/twilio-sms/status`
    lines.push(`Twilio       account ${twilio.accountSid}; "A message comes in" is ${incoming}; status callback ${status}`)
  } else if (!sandbox.twilio) lines.push('Twilio       off')
  if (smtp) lines.push(`SMTP         ${smtp.host} as ${smtp.user}`)
  else if (!sandbox.smtp) lines.push('SMTP         off')
  if (espoCrm) {
    const events = Object.keys(espoCrm.webhooks).join(', ') || 'none configured'
    lines.push(`EspoCRM      ${espoCrm.url}; its webhooks are ${publicUrl ?? url}/webhooks/espocrm/<event>: ${events}`)
  } else if (!sandbox.espoCrm) lines.push('EspoCRM      off')
  return lines
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
