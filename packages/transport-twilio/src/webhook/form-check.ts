import { CommsError } from '@pipe-comms/core'
import { one, type Parameters } from './parameters.ts'

/** https://www.twilio.com/docs/glossary/what-is-a-sid */
const MESSAGE_SID = /^(SM|MM)[0-9a-f]{32}$/
const MESSAGE_SID_IN_TEXT = /MessageSid(?:SM|MM)[0-9a-f]{32}/g
const ERROR_CODE_IN_TEXT = /ErrorCode\d/g
const ACCOUNT_SID = /^AC[0-9a-f]{32}$/

/** Names that Twilio has or may have one day. */
const NAME = /^[A-Za-z][\w.[\]-]{0,127}$/

/** What every message has, and every status. */
const OF_MESSAGE = ['AccountSid', 'Body', 'From', 'MessageSid', 'NumMedia', 'To'] as const
const OF_STATUS = ['AccountSid', 'From', 'MessageSid', 'MessageStatus', 'To'] as const
/** Names that begin with one of those. */
const LONGER_NAMES = /^(From|To)(City|State|Zip|Country)$/
/** Values with a form of their own, in which no other name may stand. */
const PLAIN = [
  ...['AccountSid', 'ApiVersion', 'ErrorCode', 'MessageStatus', 'NumMedia', 'NumSegments', 'OptOutType'],
  ...['SmsMessageSid', 'SmsSid', 'SmsStatus'],
] as const
const NAME_IN_PLAIN = /Body|Error|From|Message|Num|OptOut|Sms|To(?=\+|[a-z]+:)/
/** What says which message it is, and how far it got. */
const IDENTITY = ['AccountSid', 'MessageSid', 'MessageStatus'] as const

/**
 * Refuses a form whose names and values may be cut elsewhere than where Twilio cut them. Twilio signs names and values with nothing between
 * them, so one signature fits `MessageSid=SM…&NumMedia=0` and `MessageSid=SM…NumMedia0`, and a captured webhook could come again as another
 * message. Parameters that are new and unknown pass. https://www.twilio.com/docs/usage/security#validating-requests
 * @throws CommsError `webhook_unparsable`
 */
export function checkForm(parameters: Parameters): void {
  const names = Object.keys(parameters)
  const odd = names.find((name) => !NAME.test(name))
  if (odd !== undefined) throw unparsable(`expected parameter names of letters and digits, got ${JSON.stringify(odd.slice(0, 40))}`)
  const account = one(parameters, 'AccountSid')
  if (account !== undefined && !ACCOUNT_SID.test(account)) throw unparsable('AccountSid: expected AC and 32 hexadecimal digits')
  const sid = one(parameters, 'MessageSid')
  if (sid !== undefined && !MESSAGE_SID.test(sid)) throw unparsable('MessageSid: expected SM or MM and 32 hexadecimal digits')

  const isStatus = parameters.MessageStatus !== undefined
  const missing = (isStatus ? OF_STATUS : OF_MESSAGE).filter((name) => parameters[name] === undefined)
  const run = names.find(
    (name) => missing.some((begin) => name.startsWith(begin) && !LONGER_NAMES.test(name)) || /^(ErrorCode\d|MessageStatus.)/.test(name),
  )
  if (run !== undefined) throw unparsable(`expected a name and a value, got them run together as ${JSON.stringify(run.slice(0, 40))}`)
  const swallowed = PLAIN.find((name) => NAME_IN_PLAIN.test(one(parameters, name) ?? ''))
  if (swallowed !== undefined) throw unparsable(`${swallowed}: expected a value, got other parameters in it`)
  // Words of a message that begin with "From" could be cut off as a second sender.
  const repeated = [...IDENTITY, isStatus ? 'To' : 'From'].find((name) => new Set([parameters[name] ?? []].flat()).size > 1)
  if (repeated !== undefined) throw unparsable(`${repeated}: expected one value, got several`)

  const declared = names.filter((name) => name.endsWith('MessageSid') && MESSAGE_SID.test(one(parameters, name) ?? ''))
  const written = names.sort().flatMap((name) => [parameters[name] as string | string[]].flat().map((value) => name + value))
  const signed = written.join('')
  if (timesIn(signed, MESSAGE_SID_IN_TEXT) > declared.length) throw unparsable('expected one MessageSid, got another inside a value')
  // A message may hold any words; a status says nothing that people wrote.
  const codes = [parameters.ErrorCode ?? []].flat().length
  if (isStatus && timesIn(signed, ERROR_CODE_IN_TEXT) > codes) throw unparsable('expected no ErrorCode inside another value')
}

function timesIn(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

function unparsable(reason: string): CommsError {
  return new CommsError('webhook_unparsable', `Twilio: ${reason}`)
}
