import type { Config } from '../config.ts'
import { espoCrmPeer } from './espocrm-peer.ts'
import { greenApiPeer } from './green-api-peer.ts'
import type { Hint, Peer } from './peer.ts'
import { smtpPeer } from './smtp-peer.ts'
import { twilioPeer } from './twilio-peer.ts'

/** The simulated peers of what is not configured. Production has none: its configuration is refused before. */
export interface Sandbox {
  readonly config: Config
  /** What the start-up lines say of each peer. */
  readonly lines: readonly string[]
  readonly hints: readonly Hint[]
  readonly variables: Readonly<Record<string, string>>
  connect(serverUrl: string): void
  close(): Promise<void>
}

/** Starts a peer on loopback for each provider that is not configured. The simulators are loaded only then. */
export async function openSandbox(config: Config): Promise<Sandbox> {
  const { greenApi, twilio, smtp, espoCrm } = config.sandbox
  const peers: Peer[] = []
  let current = config
  for (const openPeer of [greenApi && greenApiPeer, twilio && twilioPeer, smtp && smtpPeer, espoCrm && espoCrmPeer]) {
    if (!openPeer) continue
    const peer = await openPeer(current)
    peers.push(peer)
    current = peer.config
  }
  return {
    config: current,
    lines: peers.map(({ line }) => line),
    hints: peers.flatMap(({ hints }) => hints),
    variables: Object.assign({}, ...peers.map(({ variables }) => variables)),
    connect: (serverUrl) => {
      for (const peer of peers) peer.connect?.(serverUrl)
    },
    close: async () => {
      await Promise.all(peers.map((peer) => peer.close()))
    },
  }
}
