import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { isCommsError, parseContactAddress } from '@pipe-comms/core'
import type { SmtpFault, SmtpSimulatorOptions } from '@pipe-comms/simulators'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SmtpOptions } from '../index.ts'
import { type Pair, startPair } from '../testing/start-transport.ts'

let pair: Pair
const start = async (options?: Partial<SmtpOptions>, simulated?: SmtpSimulatorOptions) => {
  pair = await startPair(options, simulated)
  return pair
}
afterEach(() => pair?.close())

/** For tests that run side by side. */
const withPair = async (use: (own: Pair) => Promise<void>) => {
  const own = await startPair()
  try {
    await use(own)
  } finally {
    await own.close()
  }
}

const refuse = (at: Extract<SmtpFault, { kind: 'refuse' }>['at'], reply: string): SmtpFault => ({ kind: 'refuse', at, reply })

describe('a refusal', () => {
  it.concurrent.each([
    [refuse('recipient', '550 5.1.1 No such user'), { code: 'send_rejected', failure: 'recipient', providerCode: '5.1.1' }],
    [refuse('recipient', '552 5.2.2 Mail quota exceeded'), { code: 'send_rejected', failure: 'recipient', providerCode: '5.2.2' }],
    [refuse('recipient', '550 No such user'), { code: 'send_rejected', failure: 'recipient', providerCode: '550' }],
    [refuse('recipient', '554 5.7.1 Listed in a blocklist'), { code: 'send_rejected', failure: 'policy', providerCode: '5.7.1' }],
    [refuse('recipient', '554 5.7.1 Relay access denied'), { code: 'transport_misconfigured' }],
    [refuse('recipient', '553 5.7.1 <a@example.com>: Sender address rejected: not owned by user'), { code: 'transport_misconfigured' }],
    [refuse('recipient', '451 4.3.0 Try later'), { code: 'send_unavailable', providerCode: '4.3.0', retryAfterMs: 60_000 }],
    [
      { kind: 'greylist', delayMs: 300_000 },
      { code: 'send_unavailable', providerCode: '4.7.1', retryAfterMs: 300_000 },
    ],
    [refuse('recipient', '450 4.2.1 Too many messages, slow down'), { code: 'send_unavailable', retryAfterMs: 3_600_000 }],
    [refuse('sender', '452 4.3.1 Hourly limit exceeded'), { code: 'send_unavailable', retryAfterMs: 3_600_000 }],
    [refuse('sender', '553 5.7.1 Sender rejected: not owned by user'), { code: 'transport_misconfigured', providerCode: '5.7.1' }],
    [refuse('sender', '530 5.7.0 Authentication required'), { code: 'transport_misconfigured' }],
    [refuse('sender', '552 5.3.4 Message too big'), { code: 'send_rejected', failure: 'content' }],
    [refuse('login', '535 5.7.8 Wrong password'), { code: 'transport_misconfigured', providerCode: '5.7.8' }],
    [refuse('login', '454 4.7.0 Temporary failure'), { code: 'send_unavailable', retryAfterMs: 60_000 }],
    [refuse('greeting', '554 5.7.1 Your address is blocked'), { code: 'transport_misconfigured' }],
    [refuse('greeting', '421 4.3.2 Shutting down'), { code: 'send_unavailable' }],
    [refuse('dot', '554 5.6.0 Malformed'), { code: 'send_rejected', failure: 'content', providerCode: '5.6.0' }],
    [refuse('dot', '554 Looks like spam'), { code: 'send_rejected', failure: 'policy' }],
    [refuse('dot', '451 4.3.0 Disk full'), { code: 'send_unavailable' }],
    [refuse('dot', '421 4.3.2 Shutting down'), { code: 'send_unavailable' }],
  ])('%j is told as %j', (fault, error) =>
    withPair(async ({ simulator, send }) => {
      simulator.fault(fault as SmtpFault, 1)
      await expect(send()).rejects.toMatchObject(error)
      expect(simulator.inbox.messages).toHaveLength(0)
    }),
  )

  it('of somebody in copy is in the receipt; of the recipient it is a refusal, whoever got a copy', async () => {
    const { simulator, send } = await start()
    const options = { cc: ['Boss <boss@example.com>'], bcc: ['archive@example.com'] }
    simulator.fault({ kind: 'refuse', at: 'recipient', reply: '550 5.1.1 No such user', address: 'archive@example.com' }, 1)
    const { extra } = await send({ options })
    expect(extra).toMatchObject({ rejected: [{ recipient: 'archive@example.com', code: '5.1.1', text: '550 5.1.1 No such user' }] })
    expect(simulator.inbox.messages[0]?.to).toEqual(['camille@example.org', 'boss@example.com'])

    simulator.fault({ kind: 'refuse', at: 'recipient', reply: '550 5.2.1 Disabled', address: 'camille@example.org' }, 1)
    await expect(send({ options })).rejects.toMatchObject({ code: 'send_rejected', failure: 'recipient', providerCode: '5.2.1' })
    simulator.fault({ kind: 'refuse', at: 'recipient', reply: '450 4.2.1 Later', address: 'boss@example.com' })
    simulator.fault({ kind: 'refuse', at: 'recipient', reply: '550 5.1.1 No', address: 'camille@example.org' })
    simulator.fault({ kind: 'refuse', at: 'recipient', reply: '550 5.1.1 No', address: 'archive@example.com' })
    await expect(send({ options }), 'not the temporary one of a copy').rejects.toMatchObject({ code: 'send_rejected' })
  })
})

describe('a connection that breaks', () => {
  const large = { subject: 'x', text: 'A line of text that fills the mail. '.repeat(20_000) }

  it.concurrent.each(['greeting', 'login', 'sender', 'recipient', 'message'] as const)(
    'at %s: certainly not sent, and one copy after the retry',
    (at) =>
      withPair(async ({ simulator, send }) => {
        simulator.fault({ kind: 'drop', at }, 1)
        await expect(send({ content: large })).rejects.toMatchObject({ code: 'send_unavailable' })
        await send({ content: large })
        expect(simulator.inbox.messages).toHaveLength(1)
      }),
  )

  it('after the dot: maybe sent, and no second copy', async () => {
    const { simulator, send } = await start()
    simulator.fault({ kind: 'drop', at: 'dot' }, 1)
    await expect(send()).rejects.toMatchObject({ code: 'send_uncertain' })
    await send({ messageId: 'm-2' })
    expect(simulator.inbox.messages.map(({ mail }) => mail.messageId)).toEqual(['<m-1@example.com>', '<m-2@example.com>'])
  })

  it('by silence tells the same: unavailable before, uncertain after', async () => {
    const { simulator, send } = await start({ responseTimeoutMs: 300, connectTimeoutMs: 300 })
    for (const at of ['greeting', 'sender', 'recipient'] as const) {
      simulator.fault({ kind: 'stall', at }, 1)
      await expect(send(), at).rejects.toMatchObject({ code: 'send_unavailable' })
    }
    simulator.fault({ kind: 'stall', at: 'dot' }, 1)
    await expect(send()).rejects.toMatchObject({ code: 'send_uncertain' })
    expect(simulator.inbox.messages).toHaveLength(1)
  })

  it('while idle is not met by the next message', async () => {
    const { simulator, send } = await start({ maxConnections: 1 })
    await send()
    simulator.hangUp()
    await send({ messageId: 'm-2' }).catch((error) => {
      expect(isCommsError(error, 'send_unavailable')).toBe(true)
      return send({ messageId: 'm-2' })
    })
    expect(simulator.inbox.messages).toHaveLength(2)
  })

  it('for nobody listens: certainly not sent', async () => {
    const { send, simulator } = await start()
    await simulator.close()
    await expect(send()).rejects.toMatchObject({ code: 'send_unavailable', message: expect.stringContaining('ECONNREFUSED') })
  })
})

describe('an abort', () => {
  it('before the message is out: certainly not sent, and the next message goes', async () => {
    const { simulator, send } = await start({ maxConnections: 1 })
    simulator.fault({ kind: 'stall', at: 'recipient' }, 1)
    const stop = new AbortController()
    const sending = send({}, stop.signal)
    const waiting = send({ messageId: 'm-2' })
    await vi.waitUntil(() => simulator.faultsStruck === 1)
    stop.abort(new Error('stopped'))
    await expect(sending).rejects.toMatchObject({ code: 'send_unavailable' })
    await waiting
    expect(simulator.inbox.messages.map(({ mail }) => mail.messageId)).toEqual(['<m-2@example.com>'])
  })

  it('after it: maybe sent', async () => {
    const { simulator, send } = await start()
    simulator.fault({ kind: 'stall', at: 'dot' }, 1)
    const stop = new AbortController()
    const sending = send({}, stop.signal)
    await simulator.inbox.reach(1)
    stop.abort(new Error('stopped'))
    await expect(sending).rejects.toMatchObject({ code: 'send_uncertain' })
  })
})

describe('TLS', () => {
  it('from the first byte, and by STARTTLS', async () => {
    for (const tls of ['implicit', 'starttls'] as const) {
      const { simulator, send, close } = await startPair({ tls }, { tls })
      await send()
      expect(simulator.inbox.messages[0]?.secure).toBe(true)
      await close()
    }
  })

  it.each([
    [{ certificate: 'expired' }, {}, 'CERT_HAS_EXPIRED'],
    [{ certificate: 'other-name' }, {}, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [{}, { ca: undefined }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [{ tls: 'none' }, {}, 'STARTTLS was answered 5'],
    [{}, { tls: 'implicit' }, 'ERR_SSL_'],
  ] as const)('%j is no connection for %j', async (simulated, options, code) => {
    const { simulator, send } = await start(options as Partial<SmtpOptions>, simulated)
    await expect(send()).rejects.toMatchObject({ code: 'transport_misconfigured', message: expect.stringContaining(code) })
    expect(simulator.inbox.messages).toHaveLength(0)
  })

  it('may be left out only when that is asked for by name', async () => {
    const { simulator, send } = await start({ dangerouslyAllowPlainText: true }, { tls: 'none' })
    await send()
    expect(simulator.inbox.messages[0]?.secure).toBe(false)
  })
})

describe('a server that strips STARTTLS', () => {
  it('never hears the password', async () => {
    const heard: string[] = []
    const sockets: Socket[] = []
    const server: Server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.write('220 mx ESMTP\r\n')
      socket.on('data', (chunk) => {
        heard.push(String(chunk))
        socket.write(/^EHLO/.test(String(chunk)) ? '250-mx\r\n250 AUTH PLAIN LOGIN\r\n' : '502 5.5.1 No\r\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { send } = await start({ port: (server.address() as AddressInfo).port })
    await expect(send()).rejects.toMatchObject({ code: 'transport_misconfigured' })
    expect(heard.join('')).not.toMatch(/AUTH/)
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('no secret', () => {
  it('is in any error, whatever the server says back', async () => {
    const password = 'p4ss-for-tests'
    const { simulator, send } = await start({}, { password })
    const spellings = [password, btoa(password), btoa(`\0${simulator.user}\0${password}`)]
    for (const at of ['greeting', 'login', 'sender', 'recipient', 'dot'] as const) {
      simulator.fault({ kind: 'refuse', at, reply: `550 5.7.1 You said ${spellings.join(' ')}` }, 1)
      const error = await send().catch((thrown) => thrown)
      const everything = JSON.stringify([error.message, error.stack, error, error.cause])
      for (const spelling of spellings) expect(everything).not.toContain(spelling)
      expect(everything).toContain('***')
    }
  })
})

it('refuses an address that is none, or not an e-mail address, before it connects', async () => {
  const { simulator, send } = await start()
  const to = (raw: string, kind: 'email' | 'phone' = 'email', value = raw) => ({ to: { kind, value, raw } })
  await expect(send({ to: parseContactAddress('+33639980001') })).rejects.toMatchObject({ code: 'send_rejected', failure: 'recipient' })
  for (const raw of ['x@example.org\r\nRCPT TO:<y@example.org>', 'a@b@example.org', 'x@example.org,y@example.org', '<x@example.org>', ''])
    await expect(send(to(raw)), raw).rejects.toMatchObject({ code: 'send_rejected', failure: 'recipient' })
  await expect(send(to('y@example.org', 'email', 'x@example.org'))).rejects.toMatchObject({ failure: 'recipient' })
  expect(simulator.connections).toBe(0)
})
