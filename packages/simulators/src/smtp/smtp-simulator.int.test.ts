import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { type SmtpSimulator, type SmtpSimulatorOptions, startSmtpSimulator } from './index.ts'

let smtp: SmtpSimulator
const start = async (options?: SmtpSimulatorOptions) => {
  smtp = await startSmtpSimulator(options)
  return smtp
}
afterEach(() => smtp?.close())

/** Says each line after the answer to the one before; gives the answers, and `closed` when the server hung up. */
async function dialogue(socket: Socket, lines: readonly string[]): Promise<string[]> {
  const answers: string[] = []
  socket.on('error', () => {})
  let text = ''
  const reply = () =>
    new Promise<string>((resolve) => {
      const done = (answer: string) => {
        socket.off('data', onData).off('close', onClose)
        resolve(answer)
      }
      const onData = (chunk: Buffer) => {
        text += chunk
        const last = /^\d{3} .*\r\n$/m.exec(text)
        if (last) {
          text = ''
          done(last[0].trim())
        }
      }
      const onClose = () => done('closed')
      socket.on('data', onData).on('close', onClose)
    })
  answers.push(await reply())
  for (const line of lines) {
    if (answers.at(-1) === 'closed') break
    socket.write(`${line}\r\n`)
    answers.push(await reply())
  }
  socket.destroy()
  return answers
}

const plain = () => {
  const token = Buffer.from(`\0${smtp.user}\0${smtp.password}`).toString('base64')
  return [
    'EHLO client.example.com',
    `AUTH PLAIN ${token}`,
    'MAIL FROM:<sales@example.com> RET=HDRS ENVID=m-1',
    'RCPT TO:<camille@example.org> NOTIFY=FAILURE,DELAY',
    'DATA',
    'Subject: Devis\r\n\r\nBonjour\r\n.',
  ]
}
const talk = () => dialogue(connectTcp(smtp.port, smtp.host), plain())

it('takes a message and shows it', async () => {
  await start({ tls: 'none', inboxPort: 0 })
  const answers = await talk()
  expect(answers.at(-1)).toMatch(/^250 2\.0\.0 Ok: queued as /)
  const [message] = await smtp.inbox.reach(1)
  expect(message).toMatchObject({
    from: 'sales@example.com',
    to: ['camille@example.org'],
    user: 'sales@example.com',
    secure: false,
    dsn: { envid: 'm-1', ret: 'HDRS', notify: 'FAILURE,DELAY' },
    mail: { subject: 'Devis', text: 'Bonjour\n' },
  })
  const url = smtp.inboxUrl as string
  expect(await (await fetch(url)).text()).toContain('<pre>Bonjour')
  expect(await (await fetch(`${url}/messages`)).json()).toMatchObject([{ number: 1, subject: 'Devis' }])
  expect(await (await fetch(`${url}/messages/1`)).text()).toContain('Subject: Devis')
})

it('has a certificate of its own that a client can check', async () => {
  await start({ tls: 'implicit' })
  const socket = connectTls({ port: smtp.port, host: smtp.host, ca: smtp.ca, servername: 'localhost' })
  expect((await dialogue(socket, plain())).at(-1)).toMatch(/^250 /)
  expect((await smtp.inbox.reach(1))[0]?.secure).toBe(true)
})

it.each([
  ['expired', 'CERT_HAS_EXPIRED'],
  ['other-name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
] as const)('has a certificate that is %s', async (certificate, code) => {
  await start({ tls: 'implicit', certificate })
  const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
    connectTls({ port: smtp.port, host: smtp.host, ca: smtp.ca, servername: 'localhost' }).once('error', resolve),
  )
  expect(error.code).toBe(code)
})

it('lets nobody in with a wrong password', async () => {
  await start({ tls: 'none' })
  const wrong = Buffer.from(`\0${smtp.user}\0wrong`).toString('base64')
  const answers = await dialogue(connectTcp(smtp.port, smtp.host), [
    'EHLO x.example.com',
    `AUTH PLAIN ${wrong}`,
    'MAIL FROM:<a@example.com>',
  ])
  expect(answers.slice(2)).toEqual(['535 5.7.8 Authentication credentials invalid', expect.stringMatching(/^530 /)])
})

it.each([
  ['greeting', 0],
  ['login', 2],
  ['sender', 3],
  ['recipient', 4],
  ['message', 6],
  ['dot', 6],
] as const)('refuses or hangs up at %s', async (at, index) => {
  await start({ tls: 'none' })
  smtp.fault({ kind: 'refuse', at, reply: '451 4.3.0 Not now' }, 1)
  expect((await talk())[index]).toBe('451 4.3.0 Not now')
  smtp.fault({ kind: 'drop', at }, 1)
  expect((await talk())[index]).toBe('closed')
  expect(smtp.inbox.messages).toHaveLength(at === 'dot' ? 1 : 0)
  expect((await talk()).at(-1)).toMatch(/^250 /)
})

it('greylists until the time is over', async () => {
  let now = Date.parse('2026-01-06T10:00:00Z')
  await start({ tls: 'none', now: () => now })
  smtp.fault({ kind: 'greylist', delayMs: 300_000 })
  expect((await talk())[4]).toMatch(/^450 4\.7\.1/)
  now += 300_000
  expect((await talk()).at(-1)).toMatch(/^250 /)
})
