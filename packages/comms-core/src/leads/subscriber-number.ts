import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { type GrownPlanRule, numberOfToday, numbersBefore } from '../events/grown-plan.ts'

/** Another E.164 number that reaches the same subscriber, and the rule that says so. */
export interface NumberTwin {
  readonly value: string
  readonly rule: PlanRule
}

/** Why one subscriber has two E.164 numbers. */
export type PlanRule = 'ninth-digit' | 'mobile-1' | 'mobile-9' | 'french-overseas' | 'trunk-zero' | GrownPlanRule

/**
 * The one E.164 number by which a subscriber is compared. Most have only one; a few numbering plans have two spellings of the same line:
 *
 * | rule | same line | |
 * |---|---|---|
 * | `ninth-digit` | `+55 31 8765 4321` = `+55 31 98765 4321` | Brazil put a 9 before its mobile numbers; WhatsApp keeps the old ones |
 * | `mobile-1` | `+52 1 33 1234 5678` = `+52 33 1234 5678` | Mexico took the 1 away in 2019; WhatsApp has it still |
 * | `mobile-9` | `+54 9 11 2345 6789` = `+54 11 2345 6789` | Argentina: with the 9 from abroad, without it in an SMS |
 * | `french-overseas` | `+33 690 00 12 34` = `+590 690 00 12 34` | 0690… is dialled alike in all of France, and is no number of the mainland |
 * | `trunk-zero` | `+330612345678` = `+33612345678` | the zero of the national spelling left behind the country code |
 * | `benin-2024` and others | `+229 97 00 00 01` = `+229 01 97 00 00 01` | plans that gave every line a new number, see `grown-plan.ts` |
 *
 * Two numbers that may be two lines are never made one: a Brazilian number that is a landline without its 9, a French one that the
 * mainland's plan has too.
 */
export function subscriberNumber(e164: string): string {
  return twinOf(e164)?.value ?? e164
}

/** The other E.164 numbers of the same subscriber. */
export function numberTwins(e164: string): readonly NumberTwin[] {
  const canonical = twinOf(e164)
  const number = canonical?.value ?? e164
  const others = canonical ? [canonical, ...older(number)] : older(number)
  return others.filter(({ value }) => value !== e164)
}

/** To the spelling of today. */
function twinOf(e164: string): NumberTwin | undefined {
  const today = numberOfToday(e164)
  if (today) return today
  const trunk = /^\+(33|590|594|596|262)0(\d{9})$/.exec(e164)
  if (trunk) return { value: subscriberNumber(`+${trunk[1]}${trunk[2]}`), rule: 'trunk-zero' }
  const brazil = /^\+55([1-9]{2})([689]\d{7})$/.exec(e164)
  if (brazil) return { value: `+55${brazil[1]}9${brazil[2]}`, rule: 'ninth-digit' }
  const mexico = /^\+521([2-9]\d{9})$/.exec(e164)
  if (mexico) return { value: `+52${mexico[1]}`, rule: 'mobile-1' }
  const argentina = /^\+54([1-8]\d{9})$/.exec(e164)
  if (argentina) return { value: `+549${argentina[1]}`, rule: 'mobile-9' }
  const french = FRENCH.exec(e164)
  if (french && !isValid(e164)) {
    const owners = FRENCH_CODES.map((code) => `+${code}${french[2]}`).filter(isValid)
    if (owners.length === 1) return { value: owners[0] as string, rule: 'french-overseas' }
  }
  return undefined
}

/** From the spelling of today to those that are still about. */
function older(number: string): NumberTwin[] {
  // With another digit behind the 9, the number without it is a landline, or one of the radio numbers 7x that never got a 9.
  const brazil = /^\+55([1-9]{2})9([689]\d{7})$/.exec(number)
  if (brazil) return [{ value: `+55${brazil[1]}${brazil[2]}`, rule: 'ninth-digit' }]
  const mexico = /^\+52([2-9]\d{9})$/.exec(number)
  if (mexico) return [{ value: `+521${mexico[1]}`, rule: 'mobile-1' }]
  const argentina = /^\+549([1-8]\d{9})$/.exec(number)
  if (argentina) return [{ value: `+54${argentina[1]}`, rule: 'mobile-9' }]
  const before = numbersBefore(number)
  if (before.length > 0) return [...before]
  const french = FRENCH.exec(number)
  if (!french || !isValid(number)) return []
  const others = FRENCH_CODES.map((code) => `+${code}${french[2]}`).filter((value) => value !== number)
  return others.filter((value) => twinOf(value)?.value === number).map((value) => ({ value, rule: 'french-overseas' }))
}

/** Mainland; Guadeloupe, Guyane, Martinique, Réunion and Mayotte: one national numbering plan under five country codes. */
export const FRENCH_CODES = ['33', '590', '594', '596', '262']
const FRENCH = /^\+(33|590|594|596|262)(\d{9})$/

function isValid(e164: string): boolean {
  return parsePhoneNumberFromString(e164)?.isValid() === true
}
