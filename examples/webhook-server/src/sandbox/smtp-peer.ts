import type { Config } from '../config.ts'
import type { Peer } from './peer.ts'

const SENDER = 'sales@example.com'

/** A mail server in place of a relay: it keeps what it gets, in an inbox to look at, and sends nothing on. */
export async function smtpPeer(config: Config): Promise<Peer> {
  const { startSmtpSimulator } = await import('@pipe-comms/simulators')
  const simulator = await startSmtpSimulator({ user: SENDER, inboxPort: 0 })
  const { port, ca, user, password } = simulator
  return {
    config: { ...config, smtp: { host: 'localhost', port, user, password, from: `Sandbox <${SENDER}>`, ca } },
    line: `SMTP         sandbox: mail stays on this machine; look at it on ${simulator.inboxUrl}`,
    hints: [],
    variables: { INBOX_URL: simulator.inboxUrl as string },
    close: () => simulator.close(),
  }
}
