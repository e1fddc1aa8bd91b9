import type { Driver } from '../case.ts'
import { greenapi, greenapiReport } from './greenapi.ts'
import { pair, tracking } from './leads.ts'
import { mail, mailConsent, mailPair, mailReport } from './mail.ts'
import { smtpAddress, smtpRefusal, smtpSend } from './smtp.ts'
import { twilio, twilioGet, twilioOut, twilioRecover } from './twilio.ts'

export const drivers: Readonly<Record<string, Driver>> = {
  greenapi,
  'greenapi-raw': greenapi,
  'greenapi-report': greenapiReport,
  mail,
  'mail-consent': mailConsent,
  'mail-pair': mailPair,
  'mail-report': mailReport,
  pair,
  'smtp-address': smtpAddress,
  'smtp-refusal': smtpRefusal,
  'smtp-send': smtpSend,
  tracking,
  twilio,
  'twilio-get': twilioGet,
  'twilio-out': twilioOut,
  'twilio-recover': twilioRecover,
}
