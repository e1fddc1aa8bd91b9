import type { TransportProbe, TransportProblem } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'
import { senderDomainProblems } from './sender-domain.ts'
import { openDialogue, type Reply, type SmtpDialogue } from './smtp-dialogue.ts'

const DAY_MS = 86_400_000
/** Certificates of 90 days are renewed a month before their end; two weeks before, the renewal is broken. */
const CERTIFICATE_DAYS = 14

/** Connects, logs in and asks whether the sender is allowed, without sending anything; then looks the sender's domain up in the DNS. */
export function smtpProbe(options: CheckedOptions): TransportProbe {
  return {
    check: async ({ signal }) => {
      const [server, domain] = await Promise.all([serverProblems(options, signal), senderDomainProblems(options)])
      return [...server, ...domain].map(({ problem, ...rest }) => ({ ...rest, problem: options.redact(problem) }))
    },
  }
}

async function serverProblems(options: CheckedOptions, signal: AbortSignal): Promise<TransportProblem[]> {
  const { host, port } = options
  let dialogue: SmtpDialogue | undefined
  try {
    dialogue = await openDialogue(options, signal)
    return await walk(dialogue, options)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const reason = `${host}:${port}: ${code === '' ? message : code}`
    if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code))
      return [
        problem(
          `No trusted TLS connection to ${reason}`,
          "Set host to the name the certificate is for (OVH: ssl0.ovh.net, never smtp.<your domain>), renew the relay's certificate, or set ca for a relay of your own",
        ),
      ]
    if (/SSL/.test(code))
      return [
        problem(`No TLS on ${reason}`, 'Port 465 speaks TLS from the start (tls: "implicit"), port 587 begins plain (tls: "starttls")'),
      ]
    return [problem(`No connection to ${reason}`, 'Check host and port, and that the provider of this machine lets port 465 or 587 out')]
  } finally {
    dialogue?.close()
  }
}

async function walk(dialogue: SmtpDialogue, options: CheckedOptions): Promise<TransportProblem[]> {
  const { host, ehloName, user, password, from, clock } = options
  if (dialogue.greeting.code !== 220)
    return [
      problem(
        `${host} greets with ${said(dialogue.greeting)}`,
        'Wait if it says so; else ask the relay whether it blocks the address of this machine',
      ),
    ]
  let offers = await dialogue.command(`EHLO ${ehloName}`)
  if (options.tls === 'starttls') {
    const agreed = /^STARTTLS\b/im.test(offers.text) ? await dialogue.command('STARTTLS') : undefined
    if (agreed?.code === 220) {
      await dialogue.startTls()
      offers = await dialogue.command(`EHLO ${ehloName}`)
    } else if (!options.dangerouslyAllowPlainText)
      return [problem(`${host} offers no STARTTLS, so nothing is sent`, 'Use port 465 with tls: "implicit", or another relay')]
  }
  const problems: TransportProblem[] = []
  const end = dialogue.certificateEnd()
  const days = end === undefined ? Number.POSITIVE_INFINITY : Math.floor((end.getTime() - clock.now()) / DAY_MS)
  if (days < CERTIFICATE_DAYS)
    problems.push(
      problem(`The certificate of ${host} ends in ${days} days`, 'Have the relay renew it; afterwards nothing can be sent', 'warning'),
    )

  if (user !== undefined && password !== undefined) {
    const login = await logIn(dialogue, offers, user, password)
    if (login.code !== 235)
      return [
        ...problems,
        problem(
          `${host} refuses the login of ${user}: ${said(login)}`,
          'Check user (often the full address) and password; a relay may have locked the account after too many messages',
        ),
      ]
  }
  const sender = await dialogue.command(`MAIL FROM:<${from.address}>`)
  const recipient = sender.code === 250 ? await dialogue.command(`RCPT TO:<${from.address}>`) : sender
  await dialogue.command('RSET')
  if (recipient.code >= 500)
    problems.push(
      problem(
        `${host} does not let ${user ?? 'us'} send as ${from.address}: ${said(recipient)}`,
        'Set from to an address of this account, or allow the sender at the relay',
      ),
    )
  await dialogue.command('QUIT')
  return problems
}

async function logIn(dialogue: SmtpDialogue, offers: Reply, user: string, password: string): Promise<Reply> {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  if (!/^AUTH[ =](.* )?LOGIN\b/im.test(offers.text) || /^AUTH[ =](.* )?PLAIN\b/im.test(offers.text))
    return dialogue.command(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`)
  const asked = await dialogue.command('AUTH LOGIN')
  if (asked.code !== 334) return asked
  await dialogue.command(base64(user))
  return dialogue.command(base64(password))
}

function said({ code, text }: Reply): string {
  return `${code} ${text.replace(/\s+/g, ' ').slice(0, 200)}`
}

function problem(text: string, remedy: string, severity: 'error' | 'warning' = 'error'): TransportProblem {
  return { severity, problem: text, remedy }
}
