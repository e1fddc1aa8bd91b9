import { parseContactAddress, type Transport } from '@pipe-comms/core'
import { type SendScenario, transportConformance } from '@pipe-comms/core/conformance'
import { type SmtpFault, startSmtpSimulator } from '@pipe-comms/simulators'
import { describe, it } from 'vitest'
import { type SmtpOptions, type SmtpTransport, smtpTransport } from './index.ts'
import { bounce, reply, vacation } from './testing/mails.ts'

const PASSWORD = 'password-for-tests'
const INBOUND_TOKEN = 'inbound-token-for-tests'

/** The server repeats what it was told, as some do. */
const faults: Record<SendScenario, SmtpFault | undefined> = {
  accepted: undefined,
  rejected: { kind: 'refuse', at: 'recipient', reply: `550 5.1.1 No such user ${PASSWORD}` },
  unavailable: { kind: 'refuse', at: 'recipient', reply: `451 4.3.0 Later ${btoa(PASSWORD)}` },
  uncertain: { kind: 'drop', at: 'dot' },
  misconfigured: { kind: 'refuse', at: 'login', reply: `535 5.7.8 ${PASSWORD} is wrong` },
}

const records: Record<string, string> = {
  'example.com': 'v=spf1 include:mx.example.net ~all',
  'mail._domainkey.example.com': 'v=DKIM1; k=rsa; p=MIIB',
  '_dmarc.example.com': 'v=DMARC1; p=none',
}
const resolveTxt = async (name: string) => {
  const record = records[name]
  if (record === undefined) throw Object.assign(new Error('no record'), { code: 'ENOTFOUND' })
  return [[record]]
}

const post = (body: string | Uint8Array<ArrayBuffer>, authorization?: string) =>
  new Request('https://comms.example.com/webhooks/smtp/inbound', {
    method: 'POST',
    body,
    headers: { 'content-type': 'message/rfc822', ...(authorization === undefined ? {} : { authorization }) },
  })

transportConformance(
  'SMTP',
  async () => {
    const simulator = await startSmtpSimulator({ password: PASSWORD })
    const open: SmtpTransport[] = []
    const transport = (over: Partial<SmtpOptions> = {}): Transport => {
      const made = smtpTransport({
        host: 'localhost',
        port: simulator.port,
        ca: simulator.ca,
        user: simulator.user,
        password: PASSWORD,
        from: 'Sales <sales@example.com>',
        inboundToken: INBOUND_TOKEN,
        dkimSelector: 'mail',
        resolveTxt,
        ...over,
      })
      open.push(made)
      return made
    }
    return {
      transport: transport(),
      secrets: [PASSWORD, INBOUND_TOKEN],
      webhook: {
        genuine: [reply(), vacation(), bounce()].map((mail) => () => post(mail, `Bearer ${INBOUND_TOKEN}`)),
        signed: (body) => post(body, `Bearer ${INBOUND_TOKEN}`),
        forged: [
          (body) => post(body),
          (body) => post(body, 'Bearer wrong'),
          (body) => post(body, INBOUND_TOKEN),
          (body) => post(body, `Bearer ${INBOUND_TOKEN}x`),
          (body) => post(body, `Basic ${btoa(INBOUND_TOKEN)}`),
        ],
      },
      sending: (scenario) => {
        simulator.clearFaults()
        const fault = faults[scenario]
        if (fault) simulator.fault(fault)
        const message = { messageId: 'm-1', to: parseContactAddress('camille@example.org'), content: { subject: 'Devis', text: 'Bonjour' } }
        const taken = () => (fault ? simulator.faultsStruck : simulator.inbox.messages.length)
        const before = taken()
        return { transport: transport(), message, calls: () => taken() - before }
      },
      probing: (scenario) => transport(scenario === 'healthy' ? {} : { password: 'wrong-password' }),
      dispose: async () => {
        await Promise.all(open.map((made) => made.close()))
        await simulator.close()
      },
    }
  },
  { runner: { describe, it } },
)
