export * from './greenapi/index.ts'
