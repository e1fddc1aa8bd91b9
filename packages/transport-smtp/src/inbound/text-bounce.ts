import { readStatus } from '../failure-class.ts'
import { addressesIn, type MailReport, originalIn, originalOf, type RecipientReport } from './mail-report.ts'
import type { MimeEntity } from './mime-entity.ts'

/**
 * A bounce in words: qmail (https://cr.yp.to/proto/qsbmf.txt), Exim, Exchange and whoever writes like them. Only mail that a mail system
 * says it wrote is looked at, and only a recipient with a reason is reported; nothing is guessed from a subject alone.
 * @param text the mail as text, HTML turned into it
 */
export function readTextBounce(mail: MimeEntity, text: string): MailReport | undefined {
  if (!isFromMailSystem(mail, text)) return undefined
  const { notice, copy } = split(text.replace(/\r\n?/g, '\n').slice(0, MAX_TEXT))
  const named = addressesIn(mail.header('x-failed-recipients'))
  const found = recipientsIn(notice, named)
  const attached = originalIn(mail)
  const original = attached.recipients.length > 0 || copy === '' ? attached : originalOf(copy, mail)
  if (found.length === 0) return undefined
  const delayed = DELAYED.test(`${mail.header('subject') ?? ''}\n${notice.slice(0, 2000)}`)
  return {
    envelopeId: undefined,
    original,
    recipients: found.map(({ address, reason }) => {
      const status = readStatus(reason)
      const temporary = status.enhanced?.startsWith('4') || (status.enhanced === undefined && String(status.reply ?? 5).startsWith('4'))
      const action: RecipientReport['action'] = delayed && (temporary || !/\b5\d\d\b|\b5\.\d/.test(reason)) ? 'delayed' : 'failed'
      return { address, action, status: { ...status, text: reason } }
    }),
  }
}

/** Whether a mail system says it wrote this, whatever its form. A postmaster may be a person, so its subject must say so too. */
export function isFromMailSystem(mail: MimeEntity, text = ''): boolean {
  const from = `${mail.header('from') ?? ''}@`
  return (
    mail.header('x-failed-recipients') !== undefined ||
    /^Hi\. This is the .{0,200}(qmail|deliver|mail)/i.test(text.trimStart()) ||
    /\b(mailer-?daemon|mail-daemon|microsoftexchange[0-9a-f]*)@/i.test(from) ||
    (/\bpostmaster@/i.test(from) && /undeliver|deliver(y|ed)|returned|failure|non remis|remise/i.test(mail.header('subject') ?? ''))
  )
}

const MAX_TEXT = 200_000
/** RFC 5322 has 998 at most. */
const MAX_LINE = 998
const DELAYED =
  /\b(delayed|warning only|will be retried|will (keep|continue)( to)? (try|trying)|not yet been delivered|still being retried|retardé)/i
/** Where the copy of the message begins. */
const COPY = /^(-{2,}.{0,30}(copy of (the|your) message|original message|undelivered message).*|original message headers:.*)$/im

function split(text: string): { notice: string; copy: string } {
  const found = COPY.exec(text)
  return found ? { notice: text.slice(0, found.index), copy: text.slice(found.index + found[0].length) } : { notice: text, copy: '' }
}

interface Found {
  readonly address: string
  readonly reason: string
}

/** An address alone on its line, and the lines under it; or one in the line of its reason. */
function recipientsIn(notice: string, named: readonly string[]): Found[] {
  const lines = notice.split('\n').map((line) => line.slice(0, MAX_LINE).trim())
  const found = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    const [, address] = /^[<'"*•-]{0,2}\s*<?([^\s<>'"():;,]+@[^\s<>'"():;,]+)>?['"]?(?::| on \d.*)?$/.exec(line) ?? []
    const inLine = /^<?([^\s<>'":;,]+@[^\s<>'":;,]+)>?:\s+(\S.*)$/.exec(line)
    const who = (address ?? inLine?.[1])?.toLowerCase()
    if (who === undefined || found.has(who)) continue
    const reason = [inLine?.[2], ...paragraphAfter(lines, index)].filter(Boolean).join(' ')
    if (reason !== '' && saysWhy(reason)) found.set(who, reason.slice(0, 1000))
  }
  for (const address of named) {
    if (!found.has(address)) found.set(address, lines.find((line) => line.toLowerCase().includes(address)) ?? '')
  }
  const wanted = named.length > 0 ? [...found].filter(([address]) => named.includes(address)) : [...found]
  return wanted.map(([address, reason]) => ({ address, reason }))
}

/** Up to the next empty line; one empty line right after the address is passed over. */
function paragraphAfter(lines: readonly string[], index: number): string[] {
  let from = index + 1
  if (lines[from] === '') from += 1
  const rest = lines.slice(from, from + 8)
  const end = rest.findIndex((line) => line === '' || /^[<'"]?[^\s<>'"]+@[^\s<>'"]+>?['"]?:?$/.test(line))
  return end < 0 ? rest : rest.slice(0, end)
}

function saysWhy(reason: string): boolean {
  const { reply, enhanced } = readStatus(reason)
  return (
    (reply !== undefined && reply >= 400) ||
    (enhanced !== undefined && !enhanced.startsWith('2')) ||
    /no such|unknown|not (be )?found|doesn't exist|does not exist|no mailbox|unable to|couldn't|could not|rejected|refused|full|quota|delayed|timed out/i.test(
      reason,
    )
  )
}
