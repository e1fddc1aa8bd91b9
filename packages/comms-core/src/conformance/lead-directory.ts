import { type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import type { Lead, LeadDirectory, LeadWebhook } from '../leads/lead-directory.ts'
import { expectNoSecret } from './no-secret.ts'
import { readRequest } from './read-request.ts'
import { caught, expectCode, expectEqual, expectTrue, type KitOptions, type KitTests, registerKit } from './runner.ts'
import { notApplicable } from './skipping.ts'

/** A fresh directory with nobody in it, for one test. */
export interface LeadDirectorySubject {
  readonly directory: LeadDirectory
  /** Adds a person with these addresses, spelled like this, the first of each kind being the primary one. Gives the record's id. */
  add(person: { readonly name: string; readonly addresses: readonly string[] }): Promise<string>
  /** The same directory, whose other side is away, or refuses our credentials. */
  failing(how: 'unavailable' | 'misconfigured'): LeadDirectory
  /** Credentials given to the directory; none may show in an error. */
  readonly secrets: readonly string[]
  /** Needed when the directory has webhooks. */
  readonly webhook?: {
    /** The request with which the directory tells of this record, which was added before. */
    readonly told: (id: string) => Promise<Request>
    /** The same with something wrong about its proof. */
    readonly forged: readonly ((id: string) => Promise<Request>)[]
  }
  dispose?(): Promise<void>
}

/**
 * Registers the promises of {@link LeadDirectory} as tests.
 * @example
 * leadDirectoryConformance('EspoCRM', () => subject(), { runner: { describe, it } })
 */
export function leadDirectoryConformance(
  name: string,
  create: () => Promise<LeadDirectorySubject> | LeadDirectorySubject,
  options: KitOptions,
): void {
  registerKit(`${name} keeps the promises of a LeadDirectory`, tests, create, options)
}

const tests: KitTests<LeadDirectorySubject> = {
  'finds who has an address, and names the record': async (subject) => {
    const id = await subject.add({ name: 'Alex Martin', addresses: ['+33639980001', 'alex@example.com'] })
    for (const raw of ['+33639980001', 'alex@example.com']) {
      const [lead, ...others] = await ask(subject.directory, raw)
      expectEqual([lead?.id, lead?.name, others.length], [id, 'Alex Martin', 0], `who has ${raw}`)
      expectEqual(lead?.match.certainty, 'certain', `certainty of ${raw}, which is held as it is`)
    }
  },

  'finds a number in other spellings': async (subject) => {
    for (const [index, spelled] of ['+33 6 39 98 00 1', '0033 (6) 39-98-00-1', '+33 (0)6.39.98.00.1', '+330639980 01'].entries()) {
      const id = await subject.add({ name: `Person ${index}`, addresses: [`${spelled}${index}`] })
      expectEqual(idsOf(await ask(subject.directory, `+3363998001${index}`)), [id], `who has the number held as ${spelled}${index}`)
    }
  },

  'finds an e-mail address whatever its letter case': async (subject) => {
    const id = await subject.add({ name: 'Alex', addresses: ['Alex.Martin@Example.COM'] })
    expectEqual(idsOf(await ask(subject.directory, 'ALEX.martin@example.com')), [id], 'who has the address')
  },

  'finds by a second number and a second address': async (subject) => {
    const id = await subject.add({
      name: 'Alex',
      addresses: ['+33639980001', '+33639980002', 'alex@example.com', 'second@example.com'],
    })
    for (const raw of ['+33639980002', 'second@example.com']) expectEqual(idsOf(await ask(subject.directory, raw)), [id], `who has ${raw}`)
    const both = await find(subject.directory, ['+33639980001', '+33639980002'])
    expectEqual([...both.values()].map(idsOf), [[id], [id]], 'who has the first and the second number, asked together')
  },

  'gives every record that has an address, each once': async (subject) => {
    const first = await subject.add({ name: 'One', addresses: ['+33639980001', '+33 6 39 98 00 01'] })
    const second = await subject.add({ name: 'Two', addresses: ['+33639980009', '+33639980001'] })
    expectEqual(idsOf(await ask(subject.directory, '+33639980001')).sort(), [first, second].sort(), 'who has the number')
  },

  'takes nobody who only looks alike': async (subject) => {
    await subject.add({ name: 'Longer', addresses: ['+336399800011', 'alex@example.com.example.org'] })
    await subject.add({ name: 'Shorter', addresses: ['+3363998000', 'lex@example.com'] })
    await subject.add({ name: 'Elsewhere', addresses: ['+262639980001', 'alex+shop@example.org'] })
    await subject.add({ name: 'Odd', addresses: ['unknown', '0'] })
    for (const raw of ['+33639980001', 'alex@example.com', 'al_x@example.com', '%@example.com']) {
      expectEqual(idsOf(await ask(subject.directory, raw)), [], `who has ${raw}`)
    }
  },

  'answers for many addresses at once, each for itself': async (subject) => {
    const numbers = Array.from({ length: 60 }, (_, index) => `+336399800${String(index).padStart(2, '0')}`)
    const expected = new Map<string, string[]>()
    for (const [index, number] of numbers.entries()) {
      if (index % 3 !== 0) expected.set(number, [await subject.add({ name: `Person ${index}`, addresses: [number] })])
    }
    const found = await find(subject.directory, numbers)
    for (const number of numbers) expectEqual(idsOf(found.get(number) ?? []), expected.get(number) ?? [], `who has ${number}`)
  },

  'has nothing to say of addresses that no directory holds': async (subject) => {
    await subject.add({ name: 'Alex', addresses: ['+33639980001'] })
    for (const raw of ['33639980001@lid', '120363000000000001@g.us', 'BRAND', '36184']) {
      expectEqual(idsOf(await ask(subject.directory, raw)), [], `who has ${raw}`)
    }
    expectEqual((await subject.directory.findByAddresses([], options())).size, 0, 'answers to no question')
  },

  'sees a record that was added after the last answer': async (subject) => {
    expectEqual(idsOf(await ask(subject.directory, '+33639980001')), [], 'who has the number before')
    const id = await subject.add({ name: 'Alex', addresses: ['+33639980001'] })
    expectEqual(idsOf(await ask(subject.directory, '+33639980001')), [id], 'who has the number after')
  },

  'says whether to try later or to call an operator, and no secret': async ({ failing, secrets }) => {
    for (const how of ['unavailable', 'misconfigured'] as const) {
      const error = await caught(() => ask(failing(how), '+33639980001'), `a directory that is ${how}`)
      await expectCode(() => Promise.reject(error), `directory_${how}`, `a directory that is ${how}`)
      expectNoSecret(error, secrets, `error of a directory that is ${how}`)
    }
  },

  'gives up when the signal is aborted': async ({ directory, add }) => {
    await add({ name: 'Alex', addresses: ['+33639980001'] })
    const signal = AbortSignal.abort(new Error('stopped'))
    await expectCode(
      () => directory.findByAddresses([parseContactAddress('+33639980001')], { signal }),
      'directory_unavailable',
      'an aborted question',
    )
  },

  'takes no webhook without its proof': async (subject) => {
    const { directory, webhook } = subject
    if (!directory.changes?.webhooks.length) return notApplicable('the directory has no webhooks')
    const id = await subject.add({ name: 'Alex', addresses: ['+33639980001'] })
    const { forged, told } = present(webhook)
    for (const make of forged) {
      const request = await make(id)
      const error = await caught(async () => endpointFor(directory, request).verify(await readRequest(request)), 'a forged webhook')
      await expectCode(() => Promise.reject(error), 'webhook_unverified', 'a forged webhook')
      expectNoSecret(error, subject.secrets, 'error of verify')
    }
    const request = await told(id)
    await endpointFor(directory, request).verify(await readRequest(request))
  },

  'tells the addresses of a record that has changed': async (subject) => {
    const { directory, webhook } = subject
    if (!directory.changes?.webhooks.length) return notApplicable('the directory has no webhooks')
    const id = await subject.add({ name: 'Alex', addresses: ['+33639980001', '+33639980002', 'alex@example.com'] })
    const incoming = await present(webhook).told(id)
    const request = await readRequest(incoming)
    const told = await endpointFor(directory, incoming).changed(request, options())
    const values = [...new Set(told.map(({ value }) => value))].sort()
    expectEqual(values, ['+33639980001', '+33639980002', 'alex@example.com'], 'addresses that the webhook tells')
    const garbled = { ...request, body: new TextEncoder().encode('{') }
    await expectCode(() => endpointFor(directory, incoming).changed(garbled, options()), 'webhook_unparsable', 'a garbled body')
  },
}

function options() {
  return { signal: new AbortController().signal }
}

function find(directory: LeadDirectory, raws: readonly string[]): Promise<ReadonlyMap<string, readonly Lead[]>> {
  return directory.findByAddresses(
    raws.map((raw): ContactAddress => parseContactAddress(raw)),
    options(),
  )
}

async function ask(directory: LeadDirectory, raw: string): Promise<readonly Lead[]> {
  return (await find(directory, [raw])).get(parseContactAddress(raw).value) ?? []
}

function idsOf(leads: readonly Lead[]): string[] {
  return leads.map(({ id }) => id)
}

function endpointFor({ changes }: LeadDirectory, request: Request): LeadWebhook {
  const { pathname } = new URL(request.url)
  const endpoint = changes?.webhooks.find(({ path, methods }) => path === pathname && methods.includes(request.method))
  expectTrue(endpoint !== undefined, `the subject's request ${request.method} ${pathname} is for a webhook of the directory`)
  return endpoint as LeadWebhook
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('The directory has webhooks, so its subject must show one')
  return value
}
