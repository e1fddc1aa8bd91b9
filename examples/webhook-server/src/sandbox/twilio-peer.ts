import { randomBytes } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Peer } from './peer.ts'

const ACCOUNT = 'AC00000000000000000000000000000000'
const NUMBER = '+12025550100'
/** What webhooks are signed for: those for it go to the server as through a proxy. */
const PUBLIC_URL = 'https://sandbox.example.com'
/** Long enough to see each status come in. */
const STEP_MS = 1_000

export async function twilioPeer(config: Config): Promise<Peer> {
  const { startTwilioSimulator } = await import('@pipe-comms/simulators')
  const authToken = randomBytes(16).toString('hex')
  const publicUrl = config.publicUrl ?? PUBLIC_URL
  let target = publicUrl
  const { url, close } = await startTwilioSimulator({
    accountSid: ACCOUNT,
    authToken,
    numbers: [{ phoneNumber: NUMBER, smsUrl: `${publicUrl}/webhooks/twilio-sms/incoming` }],
    stepMs: STEP_MS,
    resolve: (called) => called.replace(publicUrl, target),
  })
  return {
    config: { ...config, twilio: { accountSid: ACCOUNT, authTokens: [authToken], from: NUMBER, url, publicUrl } },
    line: `Twilio       sandbox: a simulated Twilio at ${url}; nothing is sent to anybody`,
    hints: [
      {
        title: 'The simulated Twilio: somebody sends an SMS, with a genuine signature',
        line: `curl -s -X POST ${url}/simulator/incoming --data-urlencode "From=+33639980003" --data-urlencode "Body=Bonjour"`,
      },
    ],
    connect: (serverUrl) => {
      target = serverUrl
    },
    close,
  }
}
