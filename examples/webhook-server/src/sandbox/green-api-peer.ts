import type { Config } from '../config.ts'
import type { Peer } from './peer.ts'

const INSTANCE = '7105000001'

export async function greenApiPeer({ greenApi: account, ...config }: Config): Promise<Peer> {
  if (!account) throw new Error('greenApiPeer: expected a configuration with Green-API')
  const { startGreenApiSimulator } = await import('@pipe-comms/simulators')
  const { webhookToken } = account
  const greenApi = await startGreenApiSimulator({
    idInstance: INSTANCE,
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
    config: { ...config, greenApi: { ...account, instanceId: INSTANCE, token, url, mediaUrl: url } },
    line: `Green-API    sandbox: a simulated WhatsApp at ${url}; nothing is sent to anybody`,
    hints: [
      {
        title: 'The simulated WhatsApp: a lead writes there',
        line: post('/simulator/lead-writes', { from: '33639980002', name: 'Alex', text: 'Bonjour' }),
      },
    ],
    connect: (serverUrl) => greenApi.configure({ webhookUrl: `${serverUrl}/webhooks/greenapi` }),
    close: () => greenApi.close(),
  }
}
