import { resolve } from 'node:path'
import type { Config } from './config.ts'
import type { Server } from './server.ts'

/** What the server says when it is up: where it listens, where events go, and lines that can be pasted to try it. */
export function welcome(
  config: Config,
  { url, sandboxLines, hints, token: apiToken }: Pick<Server, 'url' | 'sandboxLines' | 'hints' | 'token'>,
  now = Date.now(),
): string {
  const seconds = Math.floor(now / 1000)
  const lines = [
    'Pipe Comms webhook server is up.',
    `  Listens on   ${url}`,
    `  Events go to ${destination(config)}`,
    ...[...configured(config, url), ...sandboxLines].map((line) => `  ${line}`),
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

/** What is connected to real providers, and what is switched off. */
function configured({ greenApi, twilio, smtp, espoCrm, publicUrl, sandbox }: Config, url: string): string[] {
  const lines: string[] = []
  if (!sandbox.greenApi) lines.push(`Green-API    instance ${greenApi.instanceId}; its webhookUrl is ${publicUrl ?? url}/webhooks/greenapi`)
  if (twilio) {
    const incoming = `${twilio.publicUrl}/webhooks/twilio-sms/incoming#rc=3&rp=5xx,ct,rt`
    lines.push(`Twilio       account ${twilio.accountSid}; "A message comes in" is ${incoming}`)
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
