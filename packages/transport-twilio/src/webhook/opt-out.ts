import { one, type Parameters } from './parameters.ts'

/** What a message says about being written to. `by`: who found it out. */
export interface ConsentWord {
  readonly kind: 'stop' | 'start' | 'help'
  readonly keyword: string
  readonly by: 'advanced-opt-out' | 'keyword'
}

/**
 * The words that Twilio itself acts on by default, in English, and their French and Spanish counterparts; written without spaces and accents.
 * https://help.twilio.com/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering-
 */
const WORDS: Readonly<Record<ConsentWord['kind'], ReadonlySet<string>>> = {
  stop: new Set([
    ...['STOP', 'STOPALL', 'STOPSMS', 'UNSUBSCRIBE', 'UNSUBSCRIBEME', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT', 'OPTMEOUT'],
    ...['REMOVEME', 'STOPMESSAGES', 'STOPMSG', 'STOPPUB'],
    ...['ARRET', 'ARRETE', 'ARRETER', 'ARRETEZ', 'DESABONNER', 'DESABONNEMENT', 'DESABONNEZMOI', 'MEDESABONNER', 'SEDESABONNER'],
    ...['ARRETSMS', 'DESABONNEZ', 'DESINSCRIRE', 'DESINSCRIPTION', 'DESINSCRIVEZMOI', 'MEDESINSCRIRE'],
    ...['ALTO', 'ANULAR', 'BAJA', 'CANCELAR', 'DARDEBAJA', 'DARMEDEBAJA', 'DETENER', 'PARAR'],
  ]),
  start: new Set(['START', 'YES', 'UNSTOP']),
  help: new Set(['HELP', 'INFO', 'AIDE', 'AYUDA']),
}
const KINDS = ['stop', 'start', 'help'] as const

/** Polite words in front of a keyword and behind it. */
const PLEASE = /^(?:PLEASE|PLS|PORFAVOR)|(?:PLEASE|PLS|THANKS|THANKYOU|SVP|SILVOUSPLAIT|SILTEPLAIT|MERCI|PORFAVOR|GRACIAS)$/g
/** French senders must name a short code: "STOP au 36184". https://www.af2m.org */
const SHORT_CODE = /(?<=^STOP(?:SMS)?)(?:AU)?3[68]\d{3}$/

/** On channels with buttons, "Yes" and "Cancel" are answers to a question; Twilio does not act on these words there either. */
const ANSWERS: ReadonlySet<string> = new Set(['YES', 'CANCEL', 'END', 'QUIT', 'INFO', 'ALTO', 'ANULAR', 'BAJA', 'CANCELAR', 'PARAR'])

/**
 * The consent that a message expresses. `OptOutType` of a Messaging Service counts whatever the words are; otherwise the whole body must be
 * the keyword. https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
 */
export function consentIn(parameters: Parameters, channel: string): ConsentWord | undefined {
  const keyword = (one(parameters, 'Body') ?? '').trim()
  const type = one(parameters, 'OptOutType')?.trim().toLowerCase()
  if (type === 'stop' || type === 'start' || type === 'help') return { kind: type, keyword, by: 'advanced-opt-out' }
  if (channel !== 'sms' && (one(parameters, 'ButtonText') || one(parameters, 'ButtonPayload') || one(parameters, 'ListId')))
    return undefined
  const word = plainWord(keyword)
  if (channel !== 'sms' && ANSWERS.has(word)) return undefined
  const kind = KINDS.find((candidate) => WORDS[candidate].has(word))
  return kind && { kind, keyword, by: 'keyword' }
}

/**
 * A keyword in its plainest spelling: `« Stop ! »`, `s.t.o.p`, `STOP STOP` and `ＳＴＯＰ` are `STOP`, and `opt-out` is `OPTOUT`. But for
 * polite words and a short code, letters and digits all stay, so a sentence that holds a keyword is none. What is asked is not ordered: `Stop?` stays as it is.
 */
function plainWord(text: string): string {
  if (text.length > MAX_LENGTH || /[?？]/.test(text)) return text
  const words = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toUpperCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
  if (new Set(words).size === 1) return words[0] as string
  return words.join('').replace(PLEASE, '').replace(SHORT_CODE, '')
}

/** More than any keyword with all that may stand around it. */
const MAX_LENGTH = 100
