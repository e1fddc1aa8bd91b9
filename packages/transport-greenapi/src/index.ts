export { type GreenApiTransport, greenApiTransport } from './greenapi-transport.ts'
export type { GreenApiMessageOptions } from './message-options.ts'
export type { GreenApiOptions } from './options.ts'
export type { ApplySettingsOptions } from './settings.ts'
