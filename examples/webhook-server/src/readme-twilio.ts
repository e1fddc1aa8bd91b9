import { createComms, type EventStore } from '@pipe-comms/core'
import { type TwilioOptions, twilioTransport } from '@pipe-comms/transport-twilio'

/** `account`: accountSid and authToken of the console. */
export function openTwilio(store: EventStore, account: TwilioOptions) {
  const twilio = twilioTransport({ publicUrl: 'https://comms.example.com', from: '+12025550100', ...account })
  const comms = createComms({ store, transports: [twilio] })

  // Twilio keeps no queue of webhooks that failed: after an outage, ask for what came in meanwhile. What is known is not recorded again.
  const recover = (since: Date) => comms.record(twilio.recoverInbound({ since }))
  return { comms, recover }
}
