/** What a local part may not hold without quotes. Control and space characters would let a header be injected. */
const SPECIAL = /[\p{C}\s"(),:;<>@[\\\]]/u
const HOST_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** Underscores are against the rules of host names, and mail comes from such domains all the same. */
const LENIENT_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/** The canonical spelling of an e-mail address that a person typed: lower case, the domain in ASCII. */
export function readEmail(text: string, at: number): string | undefined {
  const local = text.slice(0, at)
  if (local.length > 64 || !isDotted(local)) return undefined
  return canonical(local, text.slice(at + 1), HOST_LABEL)
}

/**
 * The same for the address that a mail came from, by which somebody is to be known again. Taken besides: a local part of more than 64
 * characters, as relays write into Reply-To; one in quotes; an underscore in the domain; a name before the address in angle brackets.
 */
export function readLenientEmail(text: string): string | undefined {
  const bare = /^[^<>]*<([^<>]+)>$/u.exec(text)?.[1]?.trim() ?? text
  const at = bare.lastIndexOf('@')
  if (at < 1) return undefined
  const quoted = /^"((?:[^"\\\p{C}]|\\[^\p{C}])+)"$/u.exec(bare.slice(0, at))?.[1]?.replace(/\\(.)/gu, '$1')
  const local = quoted ?? bare.slice(0, at)
  // RFC 5321, 4.1.2: quotes that are not needed are no part of the address.
  if (isDotted(local)) return canonical(local, bare.slice(at + 1), LENIENT_LABEL)
  return quoted && canonical(`"${quoted.replace(/["\\]/g, '\\$&')}"`, bare.slice(at + 1), LENIENT_LABEL)
}

function isDotted(local: string): boolean {
  return local.length > 0 && !SPECIAL.test(local) && !/^\.|\.\.|\.$/.test(local)
}

function canonical(local: string, domain: string, label: RegExp): string | undefined {
  const ascii = asciiDomain(domain)
  const labels = ascii?.split('.') ?? []
  if (labels.length < 2 || !labels.every((one) => label.test(one)) || /^\d+$/.test(labels.at(-1) as string)) return undefined
  return `${local.normalize('NFC').toLowerCase()}@${ascii}`
}

function asciiDomain(domain: string): string | undefined {
  if (domain.length === 0 || /[\s/?#@:\\%]/.test(domain)) return undefined
  try {
    return new URL(`http://${domain}`).hostname.replace(/\.$/, '')
  } catch {
    return undefined
  }
}
