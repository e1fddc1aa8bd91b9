import type { Config } from '../config.ts'
import type { Peer } from './peer.ts'

const INSTANCE = '7105000001'

export async function greenApiPeer(config: Config): Promise<Peer> {
  const { startGreenApiSimulator } = await import('@pipe-comms/simulators')
  const { webhookToken } = config.greenApi
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
    config: { ...config, greenApi: { ...config.greenApi, instanceId: INSTANCE, token, url, mediaUrl: url } },
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
