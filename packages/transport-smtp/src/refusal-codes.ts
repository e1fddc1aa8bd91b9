import type { FailureClass } from '@pipe-comms/core'

/**
 * What the numbers of Orange, Wanadoo and La Poste mean, which run one kind of server: `OFR_506`, `OFR004_104`, `LPN007_416`, `OUK_513`.
 * They write them behind enhanced codes that say nothing (5.2.0, 5.5.0). Numbers of no list are read by their words.
 * https://postmaster.orange.fr/ https://www.postmastery.com/orange-postmaster-smtp-error-codes-ofr/ https://smtpfieldmanual.com/provider/orange
 */
const FRENCH_NUMBERS: readonly (readonly [FailureClass, readonly number[]])[] = [
  // No such recipient; mailbox full; archived; account closed or blocked.
  ['recipient', [402, 416, 417, 418, 420, 426]],
  // Too large.
  ['content', [514]],
  // Our address blocked or listed, no reverse DNS, SPF, DKIM and DMARC, a sender that is not accepted, spam, reputation.
  ['policy', [101, 102, 103, 104, 105, 107, 108, 109, 201, 305, 397, 398, 401, 403, 405, 415, 421, 423, 424, 425]],
  ['policy', [505, 506, 510, 513, 515, 517, 518, 519, 535, 536, 630, 988, 989, 990, 999]],
]

/** SFR and Numericable: `SFR_IN_103`. Every known one is a block. https://postmaster.sfr.fr/ */
const SFR = /\bSFR_IN_\d{3}\b/i

/** Outlook.com and Hotmail: `(S2017062302)` is a mailbox that is not there, `(S3150)` and its kind a block. https://sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx */
const OUTLOOK_BLOCK = /\((S3\d{3}|S77\d{3}|S844)\)/

const FRENCH = /\b(?:OFR|LPN|OUK)(?:[0-9A-Z]{3}[-_]|_)(\d{3})\b/i

/** Who a provider's own code blames, if the text holds one that is known. */
export function classOfProviderCode(text: string): FailureClass | undefined {
  const number = Number(FRENCH.exec(text)?.[1] ?? Number.NaN)
  const known = FRENCH_NUMBERS.find(([, numbers]) => numbers.includes(number))
  if (known) return known[0]
  return SFR.test(text) || OUTLOOK_BLOCK.test(text) ? 'policy' : undefined
}

/**
 * Who the words of a refusal blame; the first that fits. Compared with `plain` text.
 * Sources: https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online
 * https://support.google.com/a/answer/3726730 https://smtpfieldmanual.com/ https://free.fr/assistance/ and the codes above.
 */
const BY_WORDS: readonly (readonly [FailureClass, RegExp])[] = [
  [
    'policy',
    /\bspam|blacklist|black list|blocklist|block list|blocked (using|by|for|due)|\bdmarc\b|\bspf\b|\bdkim\b|reputation|poor rep|banned|unsolicited|indesirable|bloques? par nos services|adresse ip source bloquee|senderscore|spamhaus/,
  ],
  [
    'content',
    /(message|mail|size|taille).{0,40}(too (large|big)|exceed|limit|trop (grand|gros|volumineux)|maximum)|taille limite|maximum size|virus|malware|attachment|piece jointe/,
  ],
  [
    'recipient',
    /quota|mailbox (is )?full|boite.{0,30}pleine|over ?quota|user (is )?unknown|unknown (user|recipient|mailbox|address)|no such (user|mailbox|recipient|address|account)|mailbox (unavailable|not found|does not exist|disabled|inactive)|invalid (recipient|mailbox|address)|(recipient|user|account|mailbox|address).{0,40}((is |be |are )?not (be )?(found|exist|known|recogni[sz]ed)|unknown|invalid|rejected|disabled|inactive|suspended|blocked|does not exist|doesn't exist)|archived recipient|destinataire.{0,30}(invalide|inconnu|archivee|bloque|inexistant|plein)|n'existe (pas|plus)|n'a pas de compte|inconnu|introuvable|not listed in|unrouteable address|postfach.{0,30}(voll|uberfullt)|unbekannt|existiert nicht|nicht gefunden|buzon.{0,30}lleno|desconocid|no (existe|(se )?(ha )?encontr)|casella.{0,40}piena|sconosciut|inesistente|non (esiste|(e )?(stat[ao] )?trovat)|caixa.{0,40}cheia|desconhecid|nao (existe|(foi )?encontrad)|onbekend|bestaat niet|niet gevonden|(mailbox|postbus).{0,20}\bvol\b|no mx|null mx|domain (name )?not found|no such domain/,
  ],
  ['configuration', /sender (address )?(rejected|denied|invalid|unknown)|invalid sender|emetteur invalide|mail from not owned/],
  ['policy', /polic(y|ies)|blocked|service refuse|mail rejete|mail rejected|access denied|refused|rejected|refuse/],
]

/** @param text as `plain` gives it */
export function classOfWords(text: string): FailureClass | undefined {
  return BY_WORDS.find(([, words]) => words.test(text))?.[0]
}
