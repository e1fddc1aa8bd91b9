import { type OutboundMessage, parseContactAddress, type SendReceipt } from '@pipe-comms/core'
import { type SmtpSimulator, type SmtpSimulatorOptions, startSmtpSimulator } from '@pipe-comms/simulators'
import { type SmtpOptions, type SmtpTransport, smtpTransport } from '../index.ts'

export interface Pair {
  readonly simulator: SmtpSimulator
  readonly transport: SmtpTransport
  /** Sends a text to camille@example.org, or what is given besides. */
  send(over?: Partial<OutboundMessage>, signal?: AbortSignal): Promise<SendReceipt>
  close(): Promise<void>
}

/** A transport and the simulated server it talks to. */
export async function startPair(options: Partial<SmtpOptions> = {}, simulated: SmtpSimulatorOptions = {}): Promise<Pair> {
  const simulator = await startSmtpSimulator(simulated)
  const transport = smtpTransport({
    host: 'localhost',
    port: simulator.port,
    ca: simulator.ca,
    user: simulator.user,
    password: simulator.password,
    from: 'Sales <sales@example.com>',
    resolveTxt: false,
    ...options,
  })
  return {
    simulator,
    transport,
    send: (over = {}, signal = new AbortController().signal) =>
      transport.send(
        { messageId: 'm-1', to: parseContactAddress('camille@example.org'), content: { subject: 'Devis', text: 'Bonjour' }, ...over },
        { signal },
      ),
    close: async () => {
      await transport.close()
      await simulator.close()
    },
  }
}
