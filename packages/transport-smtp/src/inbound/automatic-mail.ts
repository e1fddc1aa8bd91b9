import { plain } from '../bounce-words.ts'
import { isMachineReport } from './consent-mail.ts'
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
    /^auto[-_ ]?repl(y|ied)$/.test(precedence) ||
    REPLY_HEADERS.some((name) => isSet(mail.header(name))) ||
    AWAY.test(plain(subject))
  const automatic =
    replied ||
    (submitted !== undefined && submitted !== 'no') ||
    /^(bulk|junk|list)$/.test(precedence) ||
    has('list-id', 'list-unsubscribe', 'x-auto-response-suppress', 'feedback-id') ||
    mail.header('return-path')?.trim() === '<>' ||
    isMachineReport(mail, subject)
  return [...(automatic ? ['automatic'] : []), ...(replied ? ['auto-reply'] : [])]
}

/** What systems write beside or in place of Auto-Submitted. https://github.com/jpmckinney/multi_mail/wiki/Detecting-autoresponders */
const REPLY_HEADERS = [
  'x-autoreply',
  'x-auto-reply',
  'x-autoreply-from',
  'x-auto-reply-from',
  'x-autorespond',
  'x-auto-respond',
  'x-autoresponder',
  'x-auto-responder',
  'x-autoresponse',
  'x-auto-response',
  'x-mail-autoreply',
  'x-mail-auto-reply',
  'x-vacation',
  'x-away',
]

function isSet(value: string | undefined): boolean {
  return value !== undefined && !/^\s*(no|false|0)\s*$/i.test(value)
}

/** What mail programs write before the subject when the header is missing. Compared without accents. */
const AWAY = new RegExp(
  `^\\s*(\\[?(${[
    // English; "Auto:" is the subject that sieve makes: https://www.rfc-editor.org/rfc/rfc5230#section-4.4
    'auto(matic|mated)?[ -]?(reply|response|responder|answer)',
    'auto: ',
    'out[- ]of[- ](the[- ])?office',
    'ooo ?:',
    '(vacation|holiday|away) (notice|message|reply|response)',
    "(i am|i'm) (currently )?(out of (the )?office|away|on (holiday|vacation|leave))",
    // French
    'reponse (automatique|auto\\b)',
    "(message|avis|notification) (automatique )?d'absence",
    'message automatique',
    'absence( du bureau| ?:| ?-|$)',
    'absent(\\(e\\)|\\.e|e)?( du bureau| ?:| ?-|$| jusqu| pour| du \\d| en )',
    '(actuellement |je suis )+(absent|en (conge|vacances|deplacement))',
    'en (conges?|vacances)( ?:|$| jusqu| du )',
    'hors du bureau',
    'fermeture (annuelle|estivale|exceptionnelle)',
    // German
    'automatische antwort',
    'abwesen(heit|d)',
    'nicht im (buro|haus)',
    'im urlaub',
    // Spanish, Italian, Portuguese, Dutch
    'respuesta automatica',
    'autorespuesta',
    'fuera de (la )?oficina',
    '(ausencia|ausente)( ?:| ?-|$| de la oficina| del )',
    'risposta automatica',
    "assenza( dall'ufficio)?",
    'fuori (sede|ufficio)',
    'resposta automatica',
    'automatisch antwoord',
    'afwezig',
  ].join('|')}))`,
)
