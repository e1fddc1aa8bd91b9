import { addressMatcher, parseContactAddress } from '@pipe-comms/core'
import { espoCrmDirectory } from '@pipe-comms/leads-espocrm'
import { espoCrmSimulator } from '@pipe-comms/simulators'

/** One pair of spellings, and whether they are one party. */
export interface CorpusCase {
  /** ISO 3166; empty for e-mail. */
  readonly country: string
  /** The default region of the CRM. */
  readonly region: string
  /** How the CRM holds it; behind the first are second numbers. */
  readonly held: readonly string[]
  /** How the provider sends it. */
  readonly seen: string
  readonly same: boolean
  readonly why: string
}

export interface CorpusReport {
  readonly cases: number
  readonly countries: number
  readonly correct: number
  /** Taken for the same party, and not. */
  readonly wrong: readonly CorpusCase[]
  /** The same party, and not found. */
  readonly missed: readonly CorpusCase[]
}

/** Asks the directory of a CRM that holds one record for each case, with all that lies between: the search, its semantics, the proof. */
export async function runCorpus(cases: readonly CorpusCase[]): Promise<CorpusReport> {
  const wrong: CorpusCase[] = []
  const missed: CorpusCase[] = []
  for (const one of cases) {
    const found = await isFound(one)
    if (found && !one.same) wrong.push(one)
    if (!found && one.same) missed.push(one)
  }
  const countries = new Set(cases.map(({ country }) => country).filter(Boolean)).size
  return { cases: cases.length, countries, correct: cases.length - wrong.length - missed.length, wrong, missed }
}

async function isFound({ held, seen, region }: CorpusCase): Promise<boolean> {
  const crm = espoCrmSimulator({ apiKey: 'key' })
  crm.create('Lead', {
    name: 'Alex Martin',
    phoneNumbers: held.filter((text) => !text.includes('@')),
    emailAddresses: held.filter((text) => text.includes('@')),
  })
  const directory = espoCrmDirectory({
    url: 'https://crm.example.com',
    apiKey: 'key',
    defaultRegion: region,
    fetch: (url, init) => crm.fetch(new Request(url, init)),
  })
  const address = parseContactAddress(seen)
  const found = await directory.findByAddresses([address], { signal: new AbortController().signal })
  // An index of the whole CRM would go by the key; both ways must say the same.
  const matcher = addressMatcher({ defaultRegion: region })
  const byKey = held.some((text) => matcher.keysOf(text).includes(matcher.keyOfAddress(address)))
  const bySearch = (found.get(address.value)?.length ?? 0) > 0
  if (bySearch && !byKey) throw new Error(`Found by search and not by key: ${held} for ${seen}`)
  return bySearch
}
