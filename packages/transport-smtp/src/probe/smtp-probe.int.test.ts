import type { SmtpSimulatorOptions } from '@pipe-comms/simulators'
import { afterEach, describe, expect, it } from 'vitest'
import type { SmtpOptions } from '../index.ts'
import { type Pair, startPair } from '../testing/start-transport.ts'

let pair: Pair
afterEach(() => pair?.close())

const zone: Record<string, string[]> = {
  'example.com': ['other=1', 'v=spf1 include:mx.example.net ~all'],
  'mail._domainkey.example.com': ['v=DKIM1; k=rsa; p=MIIB'],
  '_dmarc.example.com': ['v=DMARC1; p=none'],
}
const resolver = (over: Record<string, string[] | 'silent'> = {}) => {
  const records: Record<string, string[] | 'silent'> = { ...zone, ...over }
  return async (name: string) => {
    const found = records[name]
    if (found === 'silent') throw Object.assign(new Error('timeout'), { code: 'ETIMEOUT' })
    if (found === undefined || found.length === 0) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' })
    return found.map((record) => [record.slice(0, 5), record.slice(5)])
  }
}
const check = async (options: Partial<SmtpOptions> = {}, simulated?: SmtpSimulatorOptions, prepare?: (pair: Pair) => void) => {
  pair = await startPair({ resolveTxt: resolver(), dkimSelector: 'mail', ...options }, simulated)
  prepare?.(pair)
  return pair.transport.probe?.check({ signal: AbortSignal.timeout(5000) })
}

it('finds nothing wrong with what is right, over STARTTLS and over TLS, and sends nothing', async () => {
  expect(await check()).toEqual([])
  expect(pair.simulator.inbox.messages).toEqual([])
  await pair.close()
  expect(await check({ tls: 'implicit' }, { tls: 'implicit' })).toEqual([])
})

describe('says what is wrong with the relay', () => {
  it.each<[string, RegExp, Partial<SmtpOptions>?, SmtpSimulatorOptions?, ((pair: Pair) => void)?]>([
    ['nobody listens', /ECONNREFUSED/, { port: 1 }],
    ['the name is wrong', /ERR_TLS_CERT_ALTNAME_INVALID/, {}, { certificate: 'other-name' }],
    ['the certificate is out of date', /CERT_HAS_EXPIRED/, {}, { certificate: 'expired' }],
    ['the certificate is about to end', /ends in \d days/, { clock: { now: () => Date.now() + 85 * 86_400_000 } }],
    ['there is no STARTTLS', /offers no STARTTLS/, {}, { tls: 'none' }],
    ['the port is another', /ERR_SSL/, { tls: 'implicit' }],
    [
      'it greets with a refusal',
      /greets with 554/,
      {},
      {},
      ({ simulator }) => simulator.fault({ kind: 'refuse', at: 'greeting', reply: '554 5.7.1 Blocked' }),
    ],
    [
      'it does not answer',
      /no answer in 200 ms/,
      { connectTimeoutMs: 200 },
      {},
      ({ simulator }) => simulator.fault({ kind: 'stall', at: 'sender' }),
    ],
    ['it hangs up', /closed the connection/, {}, {}, ({ simulator }) => simulator.fault({ kind: 'drop', at: 'login' })],
    ['the login is wrong', /refuses the login of sales@example.com: 535/, { password: 'wrong-password' }],
    ['the sender is not allowed', /does not let sales@example.com send as sales@example.com: 553/, {}, { senders: ['other@example.com'] }],
  ])('%s', async (_, problem, options, simulated, prepare) => {
    const problems = await check(options, simulated, prepare)
    expect(problems).toEqual([
      { severity: expect.any(String), problem: expect.stringMatching(problem), remedy: expect.stringMatching(/\w/) },
    ])
    expect(JSON.stringify(problems)).not.toContain('wrong-password')
  })
})

describe("says what is wrong with the sender's domain", () => {
  it.each<[string, RegExp, Record<string, string[] | 'silent'>]>([
    ['no SPF', /no SPF record/, { 'example.com': ['other=1'] }],
    ['two SPF', /2 SPF records/, { 'example.com': ['v=spf1 -all', 'v=spf1 ~all'] }],
    ['SPF for all', /lets anybody send/, { 'example.com': ['v=spf1 +all'] }],
    ['no DKIM key', /no DKIM key at mail\._domainkey/, { 'mail._domainkey.example.com': [] }],
    ['a revoked key', /revoked/, { 'mail._domainkey.example.com': ['v=DKIM1; p='] }],
    ['no DMARC', /no DMARC record/, { '_dmarc.example.com': [] }],
    ['no answer', /did not answer for TXT example\.com/, { 'example.com': 'silent' }],
  ])('%s', async (_, problem, records) => {
    const problems = await check({ resolveTxt: resolver(records) })
    expect(problems).toEqual([{ severity: 'warning', problem: expect.stringMatching(problem), remedy: expect.stringMatching(/\w/) }])
  })

  it('but takes the DMARC record of the domain above', async () => {
    const records = { 'mail.example.com': ['v=spf1 -all'], 'mail._domainkey.mail.example.com': ['p=MIIB'] }
    expect(await check({ from: 'sales@mail.example.com', resolveTxt: resolver(records) })).toEqual([])
  })
})
