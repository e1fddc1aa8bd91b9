import { randomBytes } from 'node:crypto'
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { makeCertificate } from './certificate.ts'
import { type InboxPage, serveInboxPage } from './inbox-page.ts'
import { type MailInbox, mailInbox } from './mail-inbox.ts'
import { faultBook, type SmtpFault, type SmtpStage } from './smtp-fault.ts'

export interface SmtpSimulatorOptions {
  /** @default 0, any free one */
  readonly port?: number
  /** `implicit`: TLS from the first byte, as on 465. `none`: plain text alone, STARTTLS refused. @default "starttls" */
  readonly tls?: 'starttls' | 'implicit' | 'none'
  /** A certificate that is out of date, or made for another name. @default a good one for localhost and 127.0.0.1 */
  readonly certificate?: 'good' | 'expired' | 'other-name'
  /** @default "sales@example.com" */
  readonly user?: string
  /** @default made for this run */
  readonly password?: string
  /** Who may be the sender; all others are refused with 553, as by relays that tie senders to accounts. @default anybody */
  readonly senders?: readonly string[]
  /** Offers delivery status notifications (RFC 3461). @default true */
  readonly dsn?: boolean
  /** How many messages the inbox keeps; the oldest go. @default 1000 */
  readonly capacity?: number
  /** Shows the inbox in a browser at this port, 0 for any free one. @default no page */
  readonly inboxPort?: number
  /** Milliseconds since 1970. @default the system's clock */
  readonly now?: () => number
}

export interface SmtpSimulator {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** PEM of the certificate of this run: what a client trusts. */
  readonly ca: string
  readonly inbox: MailInbox
  /** Where the inbox can be looked at. */
  readonly inboxUrl: string | undefined
  /** Connections taken since the start. */
  readonly connections: number
  /** How often a fault struck since the start. */
  readonly faultsStruck: number
  /** Puts a fault in force, for this many occasions or until the function that comes back is called. */
  fault(fault: SmtpFault, times?: number): () => void
  clearFaults(): void
  /** Closes the connections that are open now, as a server does with idle ones. */
  hangUp(): void
  close(): Promise<void>
}

/**
 * An SMTP server on loopback that keeps what it gets and sends nothing on.
 * @example
 * const smtp = await startSmtpSimulator()
 * smtp.fault({ kind: 'refuse', at: 'recipient', reply: '550 5.1.1 No such user' }, 1)
 * const [first] = await smtp.inbox.reach(1)
 */
export async function startSmtpSimulator(options: SmtpSimulatorOptions = {}): Promise<SmtpSimulator> {
  const { port = 0, tls = 'starttls', certificate = 'good', user = 'sales@example.com', senders, dsn = true } = options
  const password = options.password ?? randomBytes(12).toString('hex')
  const now = options.now ?? Date.now
  const inbox = mailInbox(options.capacity ?? 1000)
  const faults = faultBook()
  const firstTries = new Map<string, number>()
  // The sockets below TLS, by the client's port: smtp-server itself cannot close a connection in the middle of a message.
  const sockets = new Map<number, Socket>()
  let connections = 0

  const { cert, key } = makeCertificate(certificateFor(certificate, now()))
  const drop = ({ remotePort }: SMTPServerSession) => sockets.get(remotePort)?.destroy()
  /** Whether all is well here; when it is not, the answer, if any, was given. */
  const passes = (at: SmtpStage, session: SMTPServerSession, answer: (error: Error) => void, address?: string): boolean => {
    const fault = faults.take(at, address)
    if (!fault) return true
    if (fault.kind === 'drop') drop(session)
    if (fault.kind === 'refuse') answer(replyOf(fault.reply))
    if (fault.kind === 'greylist') {
      const first = firstTries.get(address ?? '') ?? now()
      firstTries.set(address ?? '', first)
      if (now() - first >= fault.delayMs) return true
      answer(replyOf('450 4.7.1 Greylisted, try again later'))
    }
    return false
  }

  const server = new SMTPServer({
    secure: tls === 'implicit',
    key,
    cert,
    banner: 'Pipe Comms simulator',
    hideDSN: !dsn,
    size: 26_214_400,
    rejectOversized: true,
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: tls === 'none',
    disableReverseLookup: true,
    ...(tls === 'none' ? { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] } : {}),
    closeTimeout: 50,
    logger: false,
    onConnect(session, callback) {
      connections += 1
      if (passes('greeting', session, callback)) callback()
    },
    onAuth(auth, session, callback) {
      if (!passes('login', session, callback)) return
      if (auth.username === user && auth.password === password) callback(null, { user })
      else callback(replyOf('535 5.7.8 Authentication credentials invalid'))
    },
    onMailFrom({ address }, session, callback) {
      if (!passes('sender', session, callback, address)) return
      if (senders && !senders.includes(address)) callback(replyOf(`553 5.7.1 <${address}>: Sender address rejected: not owned by user`))
      else callback()
    },
    onRcptTo({ address }, session, callback) {
      if (passes('recipient', session, callback, address)) callback()
    },
    onData(stream, session, callback) {
      readMessage(stream, session, callback).catch(callback)
    },
  })

  async function readMessage(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    callback: (error: Error | null, reply?: string) => void,
  ) {
    const chunks: Buffer[] = []
    let fault: SmtpFault | undefined
    for await (const chunk of stream) {
      if (chunks.length === 0) fault = faults.take('message')
      if (fault?.kind === 'drop') drop(session)
      chunks.push(chunk as Buffer)
    }
    fault ??= faults.take('dot')
    if (fault?.kind === 'refuse') return callback(replyOf(fault.reply))
    if (stream.sizeExceeded) return callback(replyOf('552 5.3.4 Message too big'))
    if (fault && fault.kind !== 'greylist' && fault.at === 'message') return
    const keep = () => {
      const { mailFrom, rcptTo } = session.envelope
      const { envid, ret } = session.envelope.dsn ?? {}
      const notify = rcptTo[0]?.dsn?.notify?.join(',')
      return inbox.add({
        receivedAt: new Date(now()).toISOString(),
        user: session.user,
        secure: session.secure,
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        dsn: { ...(envid ? { envid } : {}), ...(ret ? { ret } : {}), ...(notify ? { notify } : {}) },
        raw: Buffer.concat(chunks),
      })
    }
    await keep()
    if (fault?.kind === 'drop') drop(session)
    if (!fault) callback(null, `2.0.0 Ok: queued as ${randomBytes(5).toString('hex').toUpperCase()}`)
  }

  server.on('error', () => {})
  server.server.on('connection', (socket) => {
    const { remotePort } = socket
    if (remotePort === undefined) return
    sockets.set(remotePort, socket)
    socket.once('close', () => sockets.delete(remotePort))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  let page: InboxPage | undefined
  if (options.inboxPort !== undefined) page = await serveInboxPage(inbox, options.inboxPort)

  return {
    host: '127.0.0.1',
    port: (server.server.address() as AddressInfo).port,
    user,
    password,
    ca: cert,
    inbox,
    inboxUrl: page?.url,
    get connections() {
      return connections
    },
    get faultsStruck() {
      return faults.struck()
    },
    fault: faults.add,
    clearFaults: faults.clear,
    hangUp() {
      for (const socket of sockets.values()) socket.end()
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets.values()) socket.destroy()
      await Promise.all([closed, page?.close()])
    },
  }
}

/** smtp-server writes code and text apart. */
function replyOf(reply: string): Error {
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) })
}

const DAY_MS = 86_400_000

function certificateFor(kind: 'good' | 'expired' | 'other-name', now: number) {
  return {
    hosts: kind === 'other-name' ? ['mail.example.org'] : ['localhost', '127.0.0.1'],
    notBefore: new Date(now - 90 * DAY_MS),
    notAfter: new Date(kind === 'expired' ? now - DAY_MS : now + 90 * DAY_MS),
  }
}
