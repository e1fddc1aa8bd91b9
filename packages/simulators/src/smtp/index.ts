export type { MailInbox, SimulatedMail } from './mail-inbox.ts'
export type { SmtpFault, SmtpStage } from './smtp-fault.ts'
export { type SmtpSimulator, type SmtpSimulatorOptions, startSmtpSimulator } from './smtp-simulator.ts'
