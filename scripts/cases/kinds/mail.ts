import { type Comms, createComms, idempotencyKey, memoryEventStore, type RecordedEvent } from '@pipe-comms/core'
import { startSmtpSimulator } from '@pipe-comms/simulators'
import { smtpTransport } from '@pipe-comms/transport-smtp'
import { type Case, differs, inputOf } from '../case.ts'
import { describe } from '../facts.ts'

const TOKEN = 'inbound-token-for-cases'

/** Our mail, a relay that keeps it, and the webhook that takes mail. */
async function open() {
  const simulator = await startSmtpSimulator()
  const store = memoryEventStore()
  const transport = smtpTransport({
    host: 'localhost',
    port: simulator.port,
    ca: simulator.ca,
    user: simulator.user,
    password: simulator.password,
    from: 'Sales <sales@example.com>',
    resolveTxt: false,
    inboundToken: TOKEN,
    recipientOf: async (messageId) => (await store.find(idempotencyKey('request', messageId)))?.contact,
  })
  const comms = createComms({ store, transports: [transport] })
  comms.start()
  const post = async (mail: Uint8Array<ArrayBuffer> | string) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'message/rfc822' }
    const response = await comms.handle(
      new Request('https://comms.example.com/webhooks/smtp/inbound', { method: 'POST', body: mail, headers }),
    )
    if (response.status !== 200) throw new Error(`The webhook was answered ${response.status}: ${await response.text()}`)
  }
  const recorded = async () => {
    const events: RecordedEvent[] = []
    // A report about a message that is not in the log is filed, for when it comes.
    for await (const event of store.readAll()) if (event.type !== 'report.filed') events.push(event)
    return events
  }
  const close = async () => {
    await comms.close()
    await simulator.close()
  }
  return { comms, simulator, post, recorded, close }
}

async function withMail(run: (mail: Awaited<ReturnType<typeof open>>) => Promise<string[]>): Promise<string[]> {
  const mail = await open()
  try {
    return await run(mail)
  } finally {
    await mail.close()
  }
}

/** A mail comes in. With `run`, a message to that address goes out before, and the mail is about it. */
export const mail = (given: Case): Promise<string[]> =>
  withMail(async ({ comms, post, recorded }) => {
    const input = await inputOf(given)
    if (given.run === undefined) await post(input)
    else await post(about(await sendTo(comms, given.run), input))
    const events = (await recorded()).filter(({ source }) => source?.via === 'webhook')
    const { types, contact, text, flag, class: failureClass } = given.expected as Record<string, string>
    const [first] = events
    const data = (first?.data ?? {}) as { text?: string; flags?: string[]; error?: { class: string } }
    const got = JSON.stringify(events.map(({ type }) => type))
    return [
      ...(JSON.stringify(types) === got ? [] : [`expected ${JSON.stringify(types)}, got ${describe(events)}`]),
      ...(contact === undefined ? [] : differs('contact', contact, first?.contact?.value)),
      ...(text === undefined ? [] : differs('text', text, data.text?.trim())),
      ...(flag === undefined || data.flags?.includes(flag) ? [] : [`flags: expected ${flag}, got ${data.flags}`]),
      ...(failureClass === undefined ? [] : differs('class', failureClass, data.error?.class)),
    ]
  })

const sendTo = (comms: Comms, to: string) =>
  comms.send({ channel: 'email', to, content: { subject: 'Devis', text: 'Bonjour' } }, { waitFor: 'sent' })

/** The mail with the Message-ID of the message that went out in place of that of the input. */
function about({ providerMessageId }: { readonly providerMessageId?: string | undefined }, mail: Uint8Array): string {
  return new TextDecoder().decode(mail).replace(/019b92d0-7a00-7000-8000-0000000000a1@example\.com/g, String(providerMessageId))
}

/** Two mails come in. */
export const mailPair = (given: Case): Promise<string[]> =>
  withMail(async ({ post, recorded }) => {
    await post(await inputOf(given))
    await post(await inputOf({ file: `${given.run}.eml` }))
    return differs('new events', given.expected.newEvents, (await recorded()).length)
  })

/** A report comes in about a contact, who is then written to. */
export const mailConsent = (given: Case): Promise<string[]> =>
  withMail(async ({ comms, post }) => {
    await post(await inputOf(given))
    const sending = comms.send(
      { channel: 'email', to: given.run as string, content: { subject: 'Devis', text: 'Bonjour' } },
      { waitFor: 'sent' },
    )
    const status = await sending.then(
      ({ status }) => status,
      (error: Error) => error.message,
    )
    return differs('sent', 'sent', status)
  })

/** A mail goes out, and a report about it comes in. */
export const mailReport = (given: Case): Promise<string[]> =>
  withMail(async ({ comms, post }) => {
    const to = given.run as string
    const { messageId, providerMessageId } = await comms.send(
      { channel: 'email', to, content: { subject: 'Devis', text: 'Bonjour' } },
      { waitFor: 'sent' },
    )
    const report = new TextDecoder().decode(await inputOf(given)).replaceAll('{{MESSAGE_ID}}', String(providerMessageId?.split('@')[0]))
    await post(report)
    return differs('status', given.expected.status, (await comms.message(messageId))?.status)
  })
