/** The words of mail systems, in the languages that our contacts' servers write. Compared with `plain` text. */

/** Lower case, without accents, with straight apostrophes: systems write `boîte`, `boite` and `BOITE`. */
export function plain(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[\u2018\u2019\u02bc`\u00b4]/g, "'")
    .toLowerCase()
}

/** Why a mail was not delivered. */
export const REASON = new RegExp(
  [
    // English
    "no such|unknown|invalid|not (be )?(found|known|recogni[sz]ed|listed|exist|accept|deliver|valid|active|reach|allowed)|doesn't exist|does(n't| not) (exist|have)",
    "no (mailbox|mx|longer|account|user)\\b|unable to|undeliverable|could(n't| not)|can(not|'t| not)|rejected|refused|denied|blocked|full\\b|quota|exceed|over ?(limit|size)|too (large|big|long|many)",
    'disabled|inactive|suspended|expired|delayed|timed? ?out|unreachable|unavailable|unrouteable|failed|loop|spam|virus|prohibited|error',
    // French
    "n'existe (pas|plus)|inexistant|inconnu|introuvable|invalide|pleine?\\b|depasse|sature|refuse|rejete|bloque|desactive|suspendu|ferme\\b|inactif|impossible|echec|echoue",
    "n'a (pas )?pu|n'a pas de compte|ne peut|n'est (pas|plus)|pas (ete )?(trouve|remis|livre|distribue|delivre|autorise|accepte)|trop (volumineux|grand|gros|lourd)|delai|indisponible|injoignable|indesirable|interdit|erreur",
    // German, Spanish, Italian, Portuguese, Dutch
    'unbekannt|nicht (gefunden|zustellbar|zugestellt|erreichbar|vorhanden|bekannt)|existiert nicht|voll\\b|abgelehnt|verweigert|gesperrt|ungultig',
    'no existe|desconocid|rechazad|lleno?\\b|llena\\b|excedid|no (se )?(ha )?(puede|pudo|podido|encontr|entreg)',
    'sconosciut|inesistente|pien[ao]\\b|rifiutat|non (esiste|e stat[ao] (trovat|recapitat|consegnat)|trovat)',
    'desconhecid|nao (foi |existe|encontrad|pode)|chei[ao]\\b|rejeitad|recusad|onbekend|bestaat niet|niet (gevonden|bezorgd|afgeleverd)|\\bvol\\b|geweigerd',
  ].join('|'),
)

/** That a mail is not there yet and is tried on. */
export const DELAYED =
  /\b(delayed|warning only|will be retried|will (keep|continue)( to)? (try|trying)|will retry\b|not yet been delivered|still being retried|delivery delay|\(delay\)|retarde|(sera|va) (de nouveau )?(retent|reessay)|nouvelles? tentatives?|verzogert|retrasad|ritardat|in ritardo|pas encore ete)/

/** The subject of a report that a mail was not delivered. */
export const UNDELIVERED =
  /undeliver|deliver(y|ed)|returned|returning|failure|failed|non[- ](remis|distribu|delivr|livr)|remise|pas (ete )?(remis|distribue|delivre|livre)|distribution|echec|retour(ne)?\b|\bblocked\b|unzustellbar|zustell|retrasad|ritardat|no (se )?(ha )?(pudo |puede |podido )?(ser )?entreg|devuelto|mancat[ao] (consegna|recapito)|non (recapit|consegn)|nao (e possivel |foi )?entreg|devolvid|onbestelbaar|niet (bezorgd|afgeleverd)|mail system|mail status/

/** Where the copy of the message begins. */
export const COPY =
  /^\s*(-{2,}.{0,60}(copy of|original message|undelivered message|message d'origine|message original|message follows|copie (de|du)|forwarded).*|.{0,40}(message headers|headers? (of the|follow)|message) follows?\b.*|original message headers:.*|en-tetes? d(u|e) .{0,20}message.*:\s*)$/

/** Addresses that a report mentions besides those it is about. */
export const HELP_DESK = /^(postmaster|abuse|support|help|helpdesk|hostmaster|webmaster|mailer-daemon|contact)@/
