import type { TransportProblem } from '@pipe-comms/core'
import type { CheckedOptions, ResolveTxt } from '../options.ts'

/** What the DNS says of the sender's domain to those who receive its mail: SPF, DKIM, DMARC. */
export async function senderDomainProblems(options: CheckedOptions): Promise<TransportProblem[]> {
  const { resolveTxt, from, dkim } = options
  if (resolveTxt === false) return []
  const selector = options.dkimSelector ?? dkim?.selector
  const found = await Promise.all([
    spf(resolveTxt, from.domain),
    selector === undefined ? [] : dkimKey(resolveTxt, `${selector}._domainkey.${dkim?.domain ?? from.domain}`),
    dmarc(resolveTxt, from.domain),
  ])
  return found.flat()
}

/** https://www.rfc-editor.org/rfc/rfc7208#section-3.2 */
async function spf(resolveTxt: ResolveTxt, domain: string): Promise<TransportProblem[]> {
  const records = await lookUp(resolveTxt, domain)
  if (records === undefined) return [unanswered(domain)]
  const [record, ...more] = records.filter((text) => /^v=spf1( |$)/i.test(text))
  if (record === undefined)
    return [
      warning(`${domain} has no SPF record`, `Add TXT ${domain} "v=spf1 include:<your relay's SPF name> ~all" (OVH: include:mx.ovh.com)`),
    ]
  if (more.length > 0) return [warning(`${domain} has ${more.length + 1} SPF records, so receivers ignore all`, 'Join them in one')]
  if (/(^| )\+?all( |$)/i.test(record)) return [warning(`The SPF record of ${domain} lets anybody send`, 'End it with ~all or -all')]
  return []
}

/** https://www.rfc-editor.org/rfc/rfc6376#section-3.6.1 */
async function dkimKey(resolveTxt: ResolveTxt, name: string): Promise<TransportProblem[]> {
  const records = await lookUp(resolveTxt, name)
  if (records === undefined) return [unanswered(name)]
  const key = records.find((record) => /(^|;)\s*p=/.test(record))
  if (key === undefined)
    return [warning(`There is no DKIM key at ${name}`, 'Add the TXT record that goes with the key, or correct the selector')]
  if (/(^|;)\s*p=\s*(;|$)/.test(key)) return [warning(`The DKIM key at ${name} is revoked (empty p=)`, 'Publish the key in use')]
  return []
}

/** At the domain itself or at one above it: https://www.rfc-editor.org/rfc/rfc7489#section-6.6.3 */
async function dmarc(resolveTxt: ResolveTxt, domain: string): Promise<TransportProblem[]> {
  const labels = domain.split('.')
  for (let above = 0; above < labels.length - 1; above += 1) {
    const name = `_dmarc.${labels.slice(above).join('.')}`
    const records = await lookUp(resolveTxt, name)
    if (records === undefined) return [unanswered(name)]
    if (records.some((record) => /^v=DMARC1\s*(;|$)/.test(record))) return []
  }
  return [warning(`${domain} has no DMARC record`, `Add TXT _dmarc.${domain} "v=DMARC1; p=none; rua=mailto:<your address>" to begin with`)]
}

/** The records, none when there are none, nothing when the DNS did not answer. */
async function lookUp(resolveTxt: ResolveTxt, name: string): Promise<string[] | undefined> {
  try {
    return (await resolveTxt(name)).map((parts) => parts.join(''))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOTFOUND' || code === 'ENODATA' ? [] : undefined
  }
}

function unanswered(name: string): TransportProblem {
  return warning(`The DNS did not answer for TXT ${name}`, 'Check the resolver of this machine and try again')
}

function warning(problem: string, remedy: string): TransportProblem {
  return { severity: 'warning', problem, remedy }
}
