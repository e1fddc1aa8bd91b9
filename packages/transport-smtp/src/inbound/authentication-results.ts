import type { ContactAddress } from '@pipe-comms/core'
import type { MimeEntity } from './mime-entity.ts'

/**
 * Whether this server, and it alone, says that the mail comes from the sender's domain: `dmarc=pass` in its topmost
 * `Authentication-Results`. Any server may be named in such a header by the sender, so only one that removes headers with its own name
 * from mail that comes in may be trusted (https://www.rfc-editor.org/rfc/rfc8601#section-5).
 */
export function isAuthenticated(mail: MimeEntity, sender: ContactAddress, authservId: string | undefined): boolean {
  if (authservId === undefined) return false
  const wanted = authservId.trim().toLowerCase()
  const own = mail
    .headers('authentication-results')
    .map(sectionsOf)
    .find(([server]) => server?.split(/\s/)[0] === wanted)
  const domain = sender.value.slice(sender.value.lastIndexOf('@') + 1)
  const results = (own ?? []).slice(1).filter((section) => /^dmarc\s*=/.test(section))
  return results.length === 1 && results.every((said) => /^dmarc\s*=\s*pass\b/.test(said) && fromOf(said) === domain)
}

function fromOf(section: string): string | undefined {
  return /\sheader\.from\s*=\s*"?([^\s;"]+)/.exec(section)?.[1]?.replace(/^.*@/, '')
}

/** The parts between semicolons, lower case, without comments: a comment may hold anything, such as another result. */
function sectionsOf(value: string): string[] {
  let depth = 0
  let plain = ''
  let quoted = false
  for (let index = 0; index < value.length; index++) {
    const sign = value[index] as string
    if (sign === '\\') index++
    else if (quoted) quoted = sign !== '"'
    else if (depth === 0 && sign === '"') quoted = true
    else if (sign === '(') depth++
    else if (sign === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) plain += sign
  }
  return plain
    .toLowerCase()
    .split(';')
    .map((section) => section.trim())
}
