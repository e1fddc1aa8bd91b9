import type { MimeEntity } from './mime-entity.ts'

/**
 * Flags of a mail that no person wrote for us. `automatic`: a machine sent it (a list, a newsletter, a ticket system), so it must not be
 * answered by a machine. `auto-reply`, besides: it answers a mail of ours, such as a vacation notice.
 * https://www.rfc-editor.org/rfc/rfc3834#section-2
 */
export function automaticFlags(mail: MimeEntity, subject = ''): string[] {
  const submitted = mail
    .header('auto-submitted')
    ?.trim()
    .toLowerCase()
    .split(/[\s;(]/)[0]
  const precedence = mail.header('precedence')?.trim().toLowerCase() ?? ''
  const has = (...names: readonly string[]) => names.some((name) => mail.header(name) !== undefined)
  const replied =
    submitted === 'auto-replied' ||
    precedence === 'auto_reply' ||
    has('x-autoreply', 'x-autorespond', 'x-autoresponse', 'x-autoreply-from', 'x-mail-autoreply') ||
    AWAY.test(subject)
  const automatic =
    replied ||
    (submitted !== undefined && submitted !== 'no') ||
    /^(bulk|junk|list)$/.test(precedence) ||
    has('list-id', 'list-unsubscribe', 'x-auto-response-suppress', 'feedback-id') ||
    mail.header('return-path')?.trim() === '<>'
  return [...(automatic ? ['automatic'] : []), ...(replied ? ['auto-reply'] : [])]
}

/** What mail programs write before the subject when the header is missing. */
const AWAY =
  /^\s*(automatic reply|automatische antwort|auto(matic)?[ -]?(reply|response)|out of( the)? office|abwesenheit|r[ée]ponse automatique|absence du bureau|respuesta autom[áa]tica|risposta automatica)\b/i
