export {
  type EspoCrmFaults,
  type EspoCrmSimulator,
  type EspoCrmSimulatorOptions,
  espoCrmSimulator,
  serveEspoCrm,
} from './espocrm/espocrm-simulator.ts'
export * from './greenapi/index.ts'
export { type Certificate, type CertificateOptions, makeCertificate } from './smtp/certificate.ts'
export {
  type MailInbox,
  type SimulatedMail,
  type SmtpFault,
  type SmtpSimulator,
  type SmtpSimulatorOptions,
  type SmtpStage,
  startSmtpSimulator,
} from './smtp/index.ts'
export * from './twilio/index.ts'
