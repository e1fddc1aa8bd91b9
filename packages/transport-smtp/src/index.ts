export type { MailOptions } from './api/message-options.ts'
export { type InboundMailOptions, isAutomaticMail, parseInboundMail } from './inbound/parse-inbound-mail.ts'
export type { ResolveTxt, SmtpOptions, Unsubscribe } from './options.ts'
export { type SmtpTransport, smtpTransport } from './smtp-transport.ts'
