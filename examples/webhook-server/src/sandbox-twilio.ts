import type { Config } from './config.ts'

/** A simulated Twilio for a server without credentials. */
export interface TwilioSandbox {
  /** Of the simulated API. */
  readonly url: string
  /** What webhooks are signed for. */
  readonly publicUrl: string
  /** Tells where the server listens: webhooks for the public URL go there, as through a proxy. */
  connect(serverUrl: string): void
  close(): Promise<void>
}

/** Long enough to see each status come in. */
const STEP_MS = 1_000

/** Imports the simulators only when they are wanted: a server with credentials does without them. */
export async function startTwilioSandbox(
  { accountSid, authTokens, from }: NonNullable<Config['twilio']>,
  publicUrl = 'https://sandbox.example.com',
): Promise<TwilioSandbox> {
  const { startTwilioSimulator } = await import('@pipe-comms/simulators')
  let target = publicUrl
  const { url, close } = await startTwilioSimulator({
    accountSid,
    numbers: [{ phoneNumber: from, smsUrl: `${publicUrl}/webhooks/twilio-sms/incoming` }],
    stepMs: STEP_MS,
    resolve: (called) => called.replace(publicUrl, target),
    ...(authTokens[0] === undefined ? {} : { authToken: authTokens[0] }),
  })
  return {
    url,
    publicUrl,
    connect: (serverUrl) => {
      target = serverUrl
    },
    close,
  }
}
