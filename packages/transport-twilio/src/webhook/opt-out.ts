import { one, type Parameters } from './parameters.ts'

/** What a message says about being written to. `by`: who found it out. */
export interface ConsentWord {
  readonly kind: 'stop' | 'start' | 'help'
  readonly keyword: string
  readonly by: 'advanced-opt-out' | 'keyword'
}

/**
 * The words that Twilio itself acts on by default, in English, and their French counterparts.
 * https://help.twilio.com/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering-
 */
const WORDS: Readonly<Record<ConsentWord['kind'], readonly string[]>> = {
  stop: ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT', 'ARRET', 'ARRETE', 'ARRETER'],
  start: ['START', 'YES', 'UNSTOP'],
  help: ['HELP', 'INFO', 'AIDE'],
}

/** On channels with buttons, "Yes" and "Cancel" are answers to a question; Twilio does not act on these words there either. */
const ANSWERS = new Set(['YES', 'CANCEL', 'END', 'QUIT', 'INFO'])

/**
 * The consent that a message tells of. `OptOutType` of a Messaging Service counts whatever the words are; otherwise the whole body
 * must be the keyword, in any case and with or without accents. https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
 */
export function consentIn(parameters: Parameters, channel: string): ConsentWord | undefined {
  const keyword = (one(parameters, 'Body') ?? '').trim()
  const type = one(parameters, 'OptOutType')?.toLowerCase()
  if (type === 'stop' || type === 'start' || type === 'help') return { kind: type, keyword, by: 'advanced-opt-out' }
  if (channel !== 'sms' && (one(parameters, 'ButtonText') || one(parameters, 'ButtonPayload') || one(parameters, 'ListId')))
    return undefined
  const word = keyword.normalize('NFD').replace(/\p{M}/gu, '').toUpperCase()
  if (channel !== 'sms' && ANSWERS.has(word)) return undefined
  const kind = (['stop', 'start', 'help'] as const).find((candidate) => WORDS[candidate].includes(word))
  return kind && { kind, keyword, by: 'keyword' }
}
