import { describe, expect, it } from 'vitest'
import { CommsError } from '../errors.ts'
import { type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import { addressMatcher } from '../leads/address-match.ts'
import type { Lead, LeadDirectory, LeadWebhook } from '../leads/lead-directory.ts'
import { bodyText } from '../transport/webhook-request.ts'
import { type LeadDirectorySubject, leadDirectoryConformance } from './lead-directory.ts'
import { failuresOf } from './planted-fault.ts'

const SECRET = 'ledger-secret-1'
const matcher = addressMatcher()

interface Person {
  readonly id: string
  readonly name: string
  readonly addresses: readonly string[]
}

/** A whole directory, small and right; each planted fault bends one part of it. */
function ledger(
  bend: {
    /** Which addresses of a person are looked at. */
    addresses?: (person: Person) => readonly string[]
    match?: (held: string, seen: ContactAddress) => Lead['match'] | undefined
    find?: (good: LeadDirectory['findByAddresses']) => LeadDirectory['findByAddresses']
    fail?: (code: 'directory_unavailable' | 'directory_misconfigured') => unknown
    webhook?: Partial<LeadWebhook>
  } = {},
): LeadDirectorySubject {
  const people: Person[] = []
  const { addresses = (person: Person) => person.addresses, match = (held, seen) => matcher.match(held, seen) } = bend
  const findByAddresses: LeadDirectory['findByAddresses'] = async (wanted, { signal }) => {
    if (signal.aborted) throw new CommsError('directory_unavailable', 'Ledger: stopped')
    const leadsFor = (seen: ContactAddress): Lead[] =>
      people.flatMap((person) => {
        const found = addresses(person).flatMap((held) => match(held, seen) ?? [])[0]
        return found ? [{ id: person.id, name: person.name, kind: 'lead', stage: 'open', match: found }] : []
      })
    return new Map(wanted.map((seen) => [seen.value, leadsFor(seen)]))
  }
  const webhook: LeadWebhook = {
    path: '/webhooks/ledger',
    methods: ['POST'],
    verify: ({ headers }) => {
      if (headers.get('authorization') !== SECRET) throw new CommsError('webhook_unverified', 'Ledger: wrong seal')
    },
    changed: async (request) => {
      let id: unknown
      try {
        id = JSON.parse(bodyText(request)).id
      } catch {
        throw new CommsError('webhook_unparsable', 'Ledger: expected JSON')
      }
      return people.find((person) => person.id === id)?.addresses.map((held) => parseContactAddress(held)) ?? []
    },
    ...bend.webhook,
  }
  const fail = bend.fail ?? ((code) => new CommsError(code, 'Ledger: closed'))
  const post = async (id: string, authorization: string) =>
    new Request('https://comms.example.com/webhooks/ledger', { method: 'POST', body: JSON.stringify({ id }), headers: { authorization } })
  return {
    directory: { id: 'ledger', findByAddresses: bend.find?.(findByAddresses) ?? findByAddresses, changes: { webhooks: [webhook] } },
    add: async (person) => {
      const id = `p-${people.length + 1}`
      people.push({ id, ...person })
      return id
    },
    failing: (how) => ({
      id: 'ledger',
      findByAddresses: async () => {
        throw fail(`directory_${how}`)
      },
    }),
    secrets: [SECRET],
    webhook: { told: (id) => post(id, SECRET), forged: [(id) => post(id, ''), (id) => post(id, `${SECRET}x`)] },
  }
}

leadDirectoryConformance('ledger', () => ledger(), { runner: { describe, it } })

const failures = (bend: Parameters<typeof ledger>[0]) =>
  failuresOf((runner) => leadDirectoryConformance('bent', () => ledger(bend), { runner }))

const FOUND = { rule: 'phone', certainty: 'certain' } as const
const digits = (text: string) => text.replace(/\D/g, '')

describe('the directory kit finds planted faults', () => {
  it.each<[string, NonNullable<Parameters<typeof ledger>[0]>, string]>([
    [
      'looks at the first address alone',
      { addresses: ({ addresses }) => addresses.slice(0, 1) },
      'finds by a second number and a second address',
    ],
    ['compares texts', { match: (held, seen) => (held === seen.value ? FOUND : undefined) }, 'finds a number in other spellings'],
    [
      'compares letters as they are',
      { match: (held, seen) => (seen.kind === 'email' ? (held === seen.value ? FOUND : undefined) : matcher.match(held, seen)) },
      'finds an e-mail address whatever its letter case',
    ],
    [
      'compares the last digits',
      {
        match: (held, seen) =>
          seen.kind === 'phone' && digits(held).endsWith(digits(seen.value).slice(-8)) ? FOUND : matcher.match(held, seen),
      },
      'takes nobody who only looks alike',
    ],
    [
      'searches with a pattern',
      {
        match: (held, seen) =>
          seen.kind === 'email' && new RegExp(seen.value.replaceAll('_', '.').replaceAll('%', '.*')).test(held.toLowerCase())
            ? FOUND
            : matcher.match(held, seen),
      },
      'takes nobody who only looks alike',
    ],
    [
      'takes digits for a number wherever they stand',
      { match: (held, seen) => (digits(held) !== '' && digits(held) === digits(seen.value) ? FOUND : matcher.match(held, seen)) },
      'has nothing to say of addresses that no directory holds',
    ],
    [
      'stops at fifty',
      { find: (good) => (wanted, options) => good(wanted.slice(0, 50), options) },
      'answers for many addresses at once, each for itself',
    ],
    [
      'gives one answer for all',
      {
        find: (good) => async (wanted, options) => {
          const all = [...(await good(wanted, options)).values()].flat()
          return new Map(wanted.map(({ value }) => [value, all]))
        },
      },
      'answers for many addresses at once, each for itself',
    ],
    ['throws what it likes', { fail: () => new Error('closed') }, 'says whether to try later or to call an operator, and no secret'],
    [
      'shows its secret',
      { fail: (code) => new CommsError(code, 'closed', { cause: new Error(`key ${SECRET}`) }) },
      'says whether to try later or to call an operator, and no secret',
    ],
    [
      'goes on when told to stop',
      { find: (good) => (wanted) => good(wanted, { signal: new AbortController().signal }) },
      'gives up when the signal is aborted',
    ],
    ['believes everybody', { webhook: { verify: () => {} } }, 'takes no webhook without its proof'],
    ['tells nothing of changes', { webhook: { changed: async () => [] } }, 'tells the addresses of a record that has changed'],
  ])('a directory that %s', async (_, bend, promise) => {
    expect(await failures(bend)).toContain(promise)
  })

  it('one that remembers its answers for ever', async () => {
    const find = (good: LeadDirectory['findByAddresses']): LeadDirectory['findByAddresses'] => {
      const answers = new Map<string, readonly Lead[]>()
      return async (wanted, options) => {
        const fresh = await good(wanted, options)
        for (const [value, leads] of fresh) if (!answers.has(value)) answers.set(value, leads)
        return answers
      }
    }
    expect(await failures({ find })).toContain('sees a record that was added after the last answer')
  })
})
