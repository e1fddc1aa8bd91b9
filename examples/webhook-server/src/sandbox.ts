import type { Config } from './config.ts'

/** Something a person can paste into a shell to see the server work. */
export interface Hint {
  readonly title: string
  readonly line: string
}

/** The simulated peers of what is not configured. Production has none: its configuration is refused before. */
export interface Sandbox {
  /** With the addresses and credentials of the peers in it. */
  readonly config: Config
  readonly hints: readonly Hint[]
  /** Tells the peers where the server listens. */
  connect(serverUrl: string): void
  close(): Promise<void>
}

/** Starts a peer on loopback for each provider that is not configured. */
export async function openSandbox(config: Config): Promise<Sandbox> {
  const peers: Sandbox[] = []
  let current = config
  for (const openPeer of [greenApiPeer]) {
    const peer = await openPeer(current)
    if (!peer) continue
    peers.push(peer)
    current = peer.config
  }
  return {
    config: current,
    hints: peers.flatMap(({ hints }) => hints),
    connect: (serverUrl) => {
      for (const peer of peers) peer.connect(serverUrl)
    },
    close: async () => {
      await Promise.all(peers.map((peer) => peer.close()))
    },
  }
}

async function greenApiPeer(config: Config): Promise<Sandbox | undefined> {
  if (!config.sandbox.greenApi) return undefined
  const { startGreenApiSimulator } = await import('@pipe-comms/simulators')
  const { instanceId, webhookToken } = config.greenApi
  const greenApi = await startGreenApiSimulator({
    idInstance: instanceId,
    settings: {
      webhookUrlToken: webhookToken,
      incomingWebhook: 'yes',
      outgoingWebhook: 'yes',
      outgoingMessageWebhook: 'yes',
      outgoingAPIMessageWebhook: 'yes',
      stateWebhook: 'yes',
      editedMessageWebhook: 'yes',
      deletedMessageWebhook: 'yes',
    },
  })
  const { url, apiToken: token } = greenApi
  const post = (path: string, body: object) =>
    `curl -s -X POST ${url}${path} -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`
  return {
    config: { ...config, greenApi: { ...config.greenApi, token, url, mediaUrl: url } },
    hints: [
      {
        title: 'The simulated WhatsApp: a lead writes there',
        line: post('/simulator/lead-writes', { from: '33639980002', name: 'Alex', text: 'Bonjour' }),
      },
      {
        title: 'and a message that is sent comes back as sent, delivered and read',
        line: post(`/waInstance${instanceId}/sendMessage/${token}`, { chatId: '33639980002@c.us', message: 'Bonjour Alex' }),
      },
    ],
    connect: (serverUrl) => greenApi.configure({ webhookUrl: `${serverUrl}/webhooks/greenapi` }),
    close: () => greenApi.close(),
  }
}
