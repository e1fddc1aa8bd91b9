import { CommsError, createComms, memoryEventStore, parseContactAddress, type RecordedEvent } from '@pipe-comms/core'
import { signTwilioRequest, startTwilioSimulator } from '@pipe-comms/simulators'
import { twilioTransport } from '@pipe-comms/transport-twilio'
import { type Case, inputOf, jsonOf } from '../case.ts'
import { judgeFacts } from '../facts.ts'

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef'
const TOKEN = 'auth-token-for-cases'
const PUBLIC_URL = 'https://comms.example.com'
const INCOMING = `${PUBLIC_URL}/webhooks/twilio-sms/incoming`

function open() {
  const store = memoryEventStore()
  const transport = twilioTransport({ accountSid: ACCOUNT, authToken: TOKEN, publicUrl: PUBLIC_URL, from: '+33639980050' })
  const comms = createComms({ store, transports: [transport] })
  const recorded = async () => {
    const events: RecordedEvent[] = []
    for await (const event of store.readAll()) events.push(event)
    return events
  }
  return { comms, recorded }
}

/** A webhook, signed. */
export async function twilio(given: Case): Promise<string[]> {
  const { comms, recorded } = open()
  const parameters = await jsonOf<Record<string, string | readonly string[]>>(given)
  const body = new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, String(one)])),
  )
  const headers: [string, string][] = [
    ['content-type', 'application/x-www-form-urlencoded'],
    ['x-twilio-signature', signTwilioRequest(TOKEN, INCOMING, signed(parameters))],
  ]
  if (given.run === 'double-content-type') headers.push(['content-type', 'application/x-www-form-urlencoded'])
  const { status } = await comms.handle(new Request(INCOMING, { method: 'POST', body: body.toString(), headers }))
  return judgeFacts(given, status, await recorded())
}

/** A parameter that comes several times is signed as its values in order, each behind the name. */
function signed(parameters: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, typeof value === 'string' ? value : [...new Set(value)].sort().join(name)]),
  )
}

/** A webhook by GET: the query is signed byte by byte. */
export async function twilioGet(given: Case): Promise<string[]> {
  const { comms, recorded } = open()
  const query = new TextDecoder().decode(await inputOf(given)).trim()
  const sid = 'SM11111111111111111111111111111111'
  const url = `${INCOMING}?MessageSid=${sid}&AccountSid=${ACCOUNT}&From=%2B33639980001&To=%2B33639980050&NumMedia=0&SmsStatus=received&${query}`
  const headers = { 'x-twilio-signature': signTwilioRequest(TOKEN, url, {}) }
  const { status } = await comms.handle(new Request(url, { headers }))
  return judgeFacts(given, status, await recorded())
}

/** A message to send: all of it arrives at the provider, or it is refused before anything is recorded. */
export async function twilioOut(given: Case): Promise<string[]> {
  const content = await jsonOf<{ text: string; media: [] }>(given)
  const simulator = await startTwilioSimulator({ numbers: [{ phoneNumber: '+12025550100' }] })
  const { sid: accountSid, authToken } = simulator.account
  const transport = twilioTransport({ accountSid, authToken, publicUrl: PUBLIC_URL, from: '+12025550100', apiUrl: simulator.url })
  try {
    const message = { messageId: 'm-1', to: parseContactAddress('+12025550101'), content }
    transport.check?.(message)
    await transport.send(message, { signal: new AbortController().signal })
    const body = simulator.account.messages.values().next().value?.body ?? ''
    return (given.expected.bodyHas as string[]).flatMap((part) => (body.includes(part) ? [] : [`expected ${part} in ${body}`]))
  } catch (error) {
    const refused = error instanceof CommsError && error.code === 'send_rejected'
    return refused && given.expected.orRefused ? [] : [String(error)]
  } finally {
    await simulator.close()
  }
}

/** Messages that came in while we were away, one of them from a sender that is hard to read. */
export async function twilioRecover(given: Case): Promise<string[]> {
  const messages = await jsonOf<readonly { from: string; body: string }[]>(given)
  const at = new Date().toUTCString()
  const page = messages.map(({ from, body }, index) => ({
    sid: `SM${String(index).padStart(32, '0')}`,
    account_sid: ACCOUNT,
    from,
    to: '+33639980050',
    body,
    num_media: '0',
    num_segments: '1',
    direction: 'inbound',
    status: 'received',
    date_sent: at,
    date_created: at,
    date_updated: at,
    api_version: '2010-04-01',
    uri: '',
    subresource_uris: {},
  }))
  const { createServer } = await import('node:http')
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ messages: page, page: 0, page_size: 1000, next_page_uri: null, uri: '' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const apiUrl = `http://127.0.0.1:${port}`
  const transport = twilioTransport({ accountSid: ACCOUNT, authToken: TOKEN, publicUrl: PUBLIC_URL, from: '+33639980050', apiUrl })
  const texts: string[] = []
  try {
    for await (const fact of transport.recoverInbound({ since: new Date(Date.now() - 3_600_000) })) {
      if (fact.type === 'message.received' && fact.data.text) texts.push(fact.data.text)
    }
  } catch (error) {
    return [`recovered ${texts.join(', ')}, then ${error}`]
  } finally {
    server.close()
  }
  return (given.expected.atLeast as string[]).flatMap((text) => (texts.includes(text) ? [] : [`expected ${text}, got ${texts.join(', ')}`]))
}
