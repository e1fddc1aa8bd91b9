export * from './greenapi/index.ts'
export * from './twilio/index.ts'
