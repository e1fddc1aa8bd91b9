export { fetchTwilioMedia, type TwilioMedia, type TwilioMediaOptions } from './api/fetch-media.ts'
export type { RecoverOptions } from './api/recover-inbound.ts'
export type { TwilioOptions } from './options.ts'
export { type TwilioTransport, twilioTransport } from './twilio-transport.ts'
