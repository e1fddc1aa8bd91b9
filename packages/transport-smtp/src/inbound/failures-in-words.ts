import { DELAYED, HELP_DESK, plain, REASON } from '../bounce-words.ts'
import { readStatus } from '../failure-class.ts'
import { addressesIn } from './mail-report.ts'

/** A recipient and why the message did not reach it. */
export interface Failure {
  readonly address: string
  readonly reason: string
}

export interface KnownAddresses {
  /** Those that a header of the report names as its subject; the others are then no recipients. */
  readonly named: readonly string[]
  /** Those that our message was written to. */
  readonly written: readonly string[]
  /** Ours, which the report was sent to. */
  readonly ours: readonly string[]
  /** The reason of an address that has none beside it. @default such an address is no recipient */
  readonly otherwise?: string
}

/** RFC 5322 has 998 at most. */
const MAX_LINE = 998
/** Lines after the address in which its reason is looked for. */
const REASON_LINES = 16

/**
 * The recipients in the words of a mail system: an address alone on its line, at the end of a sentence, or with its reason behind or
 * before it. The reason is in its line, or in the paragraphs after it up to the next recipient.
 */
export function failuresIn(notice: string, { named, written, ours, otherwise }: KnownAddresses): Failure[] {
  const lines = notice.split('\n').map((line) => line.slice(0, MAX_LINE).trim())
  const places = placesIn(lines, [...named, ...written])
  const found = new Map<string, string>()
  const expected = new Set([...named, ...written])
  for (const [index, { line, address, rest, ends, certain }] of places.entries()) {
    const before = found.get(address)
    if (before !== undefined && hasCode(before)) continue
    if (!expected.has(address) && (ours.includes(address) || HELP_DESK.test(address))) continue
    const after = lines.slice(line + 1, Math.min(places[index + 1]?.line ?? lines.length, line + 1 + REASON_LINES))
    const reason = reasonOf(rest, ends, after) ?? otherwise
    const isRecipient = certain || written.length === 0 || written.includes(address)
    // Many say it twice: in words, and with the code for administrators.
    if (reason !== undefined && isRecipient && (before === undefined || hasCode(reason))) found.set(address, reason.slice(0, 1000))
  }
  for (const address of named) {
    if (!found.has(address)) found.set(address, lines.find((line) => line.toLowerCase().includes(address)) ?? '')
  }
  const wanted = named.length > 0 ? [...found].filter(([address]) => named.includes(address)) : [...found]
  return wanted.map(([address, reason]) => ({ address, reason }))
}

interface Place {
  readonly line: number
  readonly address: string
  /** What else is in the line. */
  readonly rest: string
  /** The address ends the line: what is before it presents it, and the reason is more likely after it. */
  readonly ends: boolean
  /** The line begins with the address: it is what the lines after it are about. */
  readonly certain: boolean
}

/** Each line that presents an address, once in a run: the lines of a reason repeat it. */
function placesIn(lines: readonly string[], known: readonly string[]): Place[] {
  const places: Place[] = []
  const seen = new Set<string>()
  const likely = new Set(known)
  for (const [line, text] of lines.entries()) {
    const [address] = text.includes('@') ? addressesIn(text) : []
    if (address === undefined) continue
    const before = text.slice(0, text.toLowerCase().indexOf(address))
    const after = text.slice(before.length + address.length)
    const certain = /^[\s<'"*•\-([]*(mailto:)?<?$/.test(before) && /^[>'")\]]*(\s*[:;,.-]?\s*$|:\s|\s+on \d|\s+\S)/.test(after)
    // A field or a dialogue is a reason, not a recipient.
    const quotes = /^[\w-]+:\s|^\d{3}[ -]|said:|RCPT TO|MAIL FROM/i.test(text) && !RECIPIENT_FIELD.test(plain(text)) && !likely.has(address)
    const repeats = !certain && seen.has(address)
    if (repeats || (!certain && quotes)) continue
    seen.add(address)
    const rest = `${before} ${after}`.replace(/[<>"']/g, ' ').trim()
    places.push({ line, address, rest, ends: !/\w/.test(after), certain })
  }
  return places
}

const RECIPIENT_FIELD = /^(recipient|destinatair|destinatari|empfanger|ontvanger|address|adress)[a-z]*:\s/

/** The first of the line's own words and the paragraphs after it that holds a code; else the first that holds a word for a reason. */
function reasonOf(rest: string, ends: boolean, after: readonly string[]): string | undefined {
  const paragraphs = after
    .join('\n')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll('\n', ' ').trim())
    .filter((paragraph) => paragraph !== '')
    .slice(0, 3)
  const own = rest.length > 3 ? [rest] : []
  const places = ends ? [...paragraphs, ...own] : [...own, ...paragraphs]
  return places.find(hasCode) ?? places.find((place) => isReason(plain(place)))
}

function isReason(words: string): boolean {
  return REASON.test(words) || DELAYED.test(words)
}

function hasCode(text: string): boolean {
  const { reply, enhanced } = readStatus(text)
  return (reply !== undefined && reply >= 400) || (enhanced !== undefined && !enhanced.startsWith('2'))
}
