import { type SmtpSimulator, startSmtpSimulator } from '@pipe-comms/simulators'
import type { SmtpOptions } from '@pipe-comms/transport-smtp'

const SENDER = 'sales@example.com'

/** A mail server on this machine in place of a relay: it keeps what it gets, in an inbox to look at, and sends nothing on. */
export async function startSandboxSmtp(): Promise<{ simulator: SmtpSimulator; options: SmtpOptions }> {
  const simulator = await startSmtpSimulator({ user: SENDER, inboxPort: 0 })
  const { port, ca, user, password } = simulator
  return { simulator, options: { host: 'localhost', port, ca, user, password, from: `Sandbox <${SENDER}>`, resolveTxt: false } }
}
