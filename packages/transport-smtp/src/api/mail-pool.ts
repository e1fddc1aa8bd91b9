import { createTransport } from 'nodemailer'
import type { SendMailOptions } from 'nodemailer/lib/mailer'
import type { SMTPPoolSentMessageInfo } from 'nodemailer/lib/smtp-pool'
import type { CheckedOptions } from '../options.ts'

/** What nodemailer said of one message. */
interface Transmission {
  readonly info?: SMTPPoolSentMessageInfo
  readonly error?: unknown
  /**
   * Whether all of the message went out. The final dot follows its last byte, and a server may take a message only after the dot: while
   * this is false it was certainly not sent. nodemailer's errors are the same before and after.
   */
  readonly complete: boolean
}

export interface MailPool {
  /** Never rejects. */
  transmit(mail: SendMailOptions, signal: AbortSignal): Promise<Transmission>
  /** Lets what is under way end, and closes the connections. */
  close(): Promise<void>
}

/** Connections to the relay. Each message is handed over once: no retries inside. */
export function mailPool(options: CheckedOptions): MailPool {
  const { host, port, tls, ca, user, password, dkim, from, connectTimeoutMs } = options
  const mailer = createTransport({
    pool: true,
    host,
    port,
    name: options.ehloName,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls' && !options.dangerouslyAllowPlainText,
    tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    // Where no login is offered, sending without one would only be refused later, or worse, not refused.
    ...(user === undefined ? {} : { auth: { user, pass: password }, forceAuth: true }),
    maxConnections: options.maxConnections,
    // A message that met a dead connection is tried again by the outbox, which counts and waits.
    maxRequeues: 0,
    dnsTimeout: connectTimeoutMs,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: options.responseTimeoutMs,
    idleTimeout: options.idleTimeoutMs,
    logger: false,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(dkim
      ? {
          dkim: {
            domainName: dkim.domain ?? from.domain,
            keySelector: dkim.selector,
            privateKey: dkim.privateKey,
            headerFieldNames: SIGNED,
          },
        }
      : {}),
  })
  const complete = new WeakSet<AbortSignal>()
  let underWay = 0
  let drained: (() => void) | undefined

  mailer.use('stream', (mail, callback) => {
    const { signal } = mail.data
    const create = mail.message.createReadStream.bind(mail.message)
    mail.message.createReadStream = (...given) => {
      // Read by the connection from the server's 354 on: its end comes before the dot is written.
      const source = create(...given)
      if (signal) source.once('end', () => complete.add(signal))
      return source
    }
    callback()
  })
  // A pool reports trouble with connections that have no message here; there is nobody to tell, and without a listener it would throw.
  mailer.on('error', () => {})

  return {
    async transmit(mail, outer) {
      // A signal of its own for each message, by which the plug-in knows it. AbortSignal.any would stay with `outer` until that ends.
      const own = new AbortController()
      const { signal } = own
      const stop = () => own.abort(outer.reason)
      if (outer.aborted) stop()
      else outer.addEventListener('abort', stop, { once: true })
      underWay += 1
      try {
        const info = await mailer.sendMail({ ...mail, signal })
        return { info, complete: complete.has(signal) }
      } catch (error) {
        return { error, complete: complete.has(signal) }
      } finally {
        outer.removeEventListener('abort', stop)
        underWay -= 1
        if (underWay === 0) drained?.()
      }
    },
    async close() {
      if (underWay > 0)
        await new Promise<void>((resolve) => {
          drained = resolve
        })
      mailer.close()
    },
  }
}

/** nodemailer's list and the two headers that https://www.rfc-editor.org/rfc/rfc8058#section-4 wants signed. */
const SIGNED = [
  'From',
  'Sender',
  'Reply-To',
  'Subject',
  'Date',
  'Message-ID',
  'To',
  'Cc',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'In-Reply-To',
  'References',
  'Auto-Submitted',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
].join(':')
