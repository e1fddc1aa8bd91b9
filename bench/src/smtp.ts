import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { parseContactAddress } from '@pipe-comms/core'
import { smtpTransport } from '@pipe-comms/transport-smtp'
import { createTransport } from 'nodemailer'
import { type Comparison, compare, rate, table } from './measure.ts'

const MESSAGES = 1000
/** The first messages of a process are slow: code is compiled. */
const WARM_UP = 300
const TEXT = 'Bonjour, voici le devis que nous avions promis. '.repeat(20)

/** The benchmark of the SMTP transport, beside nodemailer's pool alone with the same settings. */
export async function benchSmtp(): Promise<string> {
  const sink = new Worker(new URL('./smtp-sink.ts', import.meta.url))
  const [{ port }] = (await once(sink, 'message')) as [{ port: number }]
  try {
    for (const warmUp of [nodemailerAlone, throughTransport]) await warmUp(port, WARM_UP)
    const comparisons: Comparison[] = [
      await compare(`${MESSAGES} messages of 1 kB through a pool of 5 connections, against nodemailer`, 'messages/s', {
        goal: 0.9,
        runs: 9,
        raw: () => rate(MESSAGES, () => nodemailerAlone(port, MESSAGES)),
        ours: () => rate(MESSAGES, () => throughTransport(port, MESSAGES)),
      }),
    ]
    sink.postMessage('count')
    const [{ taken }] = (await once(sink, 'message')) as [{ taken: number }]
    const expected = 2 * (WARM_UP + 9 * MESSAGES)
    if (taken !== expected) throw new Error(`Expected the server to take ${expected} messages, it took ${taken}`)
    return table('SMTP', comparisons, [])
  } finally {
    await sink.terminate()
  }
}

async function nodemailerAlone(port: number, messages: number): Promise<void> {
  const mailer = createTransport({ pool: true, host: '127.0.0.1', port, ignoreTLS: true, name: 'example.com', maxConnections: 5 })
  await Promise.all(
    Array.from({ length: messages }, (_, index) =>
      mailer.sendMail({
        messageId: `<m-${index}@example.com>`,
        from: 'Sales <sales@example.com>',
        to: 'camille@example.org',
        subject: 'Devis',
        text: TEXT,
      }),
    ),
  )
  mailer.close()
}

async function throughTransport(port: number, messages: number): Promise<void> {
  const transport = smtpTransport({ host: '127.0.0.1', port, dangerouslyAllowPlainText: true, from: 'Sales <sales@example.com>' })
  const { signal } = new AbortController()
  const to = parseContactAddress('camille@example.org')
  await Promise.all(
    Array.from({ length: messages }, (_, index) =>
      transport.send({ messageId: `m-${index}`, to, content: { subject: 'Devis', text: TEXT } }, { signal }),
    ),
  )
  await transport.close()
}
