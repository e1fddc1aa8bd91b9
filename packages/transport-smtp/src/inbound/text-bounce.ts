import { COPY, DELAYED, plain, UNDELIVERED } from '../bounce-words.ts'
import { readStatus } from '../failure-class.ts'
import { failuresIn } from './failures-in-words.ts'
import { addressesIn, type MailReport, originalIn, originalOf, type RecipientReport, reportOf } from './mail-report.ts'
import type { MimeEntity } from './mime-entity.ts'

/**
 * A bounce in words: qmail (https://cr.yp.to/proto/qsbmf.txt), Exim, Exchange and whoever writes like them. Only mail that a mail system
 * says it wrote is looked at, and only a recipient with a reason is reported; nothing is guessed from a subject alone.
 * @param text the mail as text, HTML turned into it
 * @param subject decoded
 */
export function readTextBounce(mail: MimeEntity, text: string, subject = ''): MailReport | undefined {
  if (!isFromMailSystem(mail, text, subject)) return undefined
  const { notice, copy } = split(text.replace(/\r\n?/g, '\n').slice(0, MAX_TEXT))
  const attached = originalIn(mail)
  const original = attached.recipients.length > 0 || copy === '' ? attached : originalOf(copy, mail)
  const fields = /^\s*(final|original)-recipient\s*:/im.test(notice) ? reportOf(fieldsIn(notice), mail) : undefined
  if (fields && fields.recipients.length > 0) return { ...fields, original }
  const named = addressesIn(mail.header('x-failed-recipients'))
  const delayed = DELAYED.test(plain(`${subject}\n${notice.slice(0, 2000)}`))
  const written = [...original.recipients, ...original.copies]
  const ours = addressesIn(mail.header('to'))
  // That it is late is said in the subject, or before the addresses.
  const found = failuresIn(notice, { named, written, ours, ...(delayed ? { otherwise: subject } : {}) })
  if (found.length === 0) return undefined
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

/** What mail systems call themselves, with a domain or without. */
const SYSTEM =
  /(^|[\s"'<(=])(mailer[-_ ]?daemon|mail[-_]daemon|mdaemon|microsoftexchange[0-9a-f]*|mail delivery (sub)?system)(?=[\s"'>)@]|$)/i

/**
 * Whether a mail system says it wrote this, whatever its form. A postmaster, or a mail without any sender, must say so in its subject too.
 */
export function isFromMailSystem(mail: MimeEntity, text = '', subject = mail.header('subject') ?? ''): boolean {
  const from = mail.header('from') ?? ''
  const [address] = addressesIn(from)
  // A person's display name proves nothing.
  const system = SYSTEM.exec(from)
  const byName =
    system !== null && (address === undefined || /daemon|microsoftexchange/i.test(address) || /system/i.test(system[2] as string))
  const nameless =
    address === undefined ||
    /^(postmaster|mail-?server|system administrator)/i.test(address) ||
    /postmaster|system admin|mail delivery service/i.test(from)
  return (
    mail.header('x-failed-recipients') !== undefined ||
    /^Hi\. This is the .{0,200}(qmail|deliver|mail)/i.test(text.trimStart()) ||
    byName ||
    (nameless && UNDELIVERED.test(plain(subject)))
  )
}

const MAX_TEXT = 200_000

function split(text: string): { notice: string; copy: string } {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.length < 200 && COPY.test(plain(line)))
  return at < 0 ? { notice: text, copy: '' } : { notice: lines.slice(0, at).join('\n'), copy: lines.slice(at + 1).join('\n') }
}

/** The paragraphs that hold fields of a report (https://www.rfc-editor.org/rfc/rfc3464), as Amazon WorkMail writes them into its text. */
function fieldsIn(notice: string): string {
  const paragraphs = notice.split(/\n[ \t]*\n/)
  return paragraphs
    .map((paragraph) => paragraph.replace(/^[ \t]+(?=[\w-]+:)/gm, ''))
    .filter((paragraph) => /^(final-recipient|original-recipient|action|status|reporting-mta|original-envelope-id)\s*:/im.test(paragraph))
    .join('\n\n')
}
