export { greenApiTransport } from './greenapi-transport.ts'
export type { GreenApiOptions } from './options.ts'
