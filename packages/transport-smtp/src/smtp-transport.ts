import type { Transport } from '@pipe-comms/core'
import { draftMail } from './api/compose-mail.ts'
import { mailPool } from './api/mail-pool.ts'
import { sendMessage } from './api/send-message.ts'
import { checkOptions, type SmtpOptions } from './options.ts'
import { smtpProbe } from './probe/smtp-probe.ts'
import { parsePostedMail } from './webhook/parse.ts'
import { verifyToken } from './webhook/verify.ts'

export interface SmtpTransport extends Transport {
  /** Lets what is being sent end, and closes the connections, which keep the process alive for `idleTimeoutMs` otherwise. */
  close(): Promise<void>
}

/**
 * E-mail through an SMTP relay. What comes back (replies, bounces) is mail too: feed it with `parseInboundMail`, or let it be posted to
 * the webhook that `inboundToken` opens.
 * @example
 * const email = smtpTransport({ preset: 'ovh', user: 'sales@example.com', password, from: 'Sales <sales@example.com>' })
 * @throws CommsError `configuration_invalid`, naming each option that is missing or wrong.
 */
export function smtpTransport(given: SmtpOptions): SmtpTransport {
  const options = checkOptions(given)
  const { inboundToken, limits } = options
  const pool = mailPool(options)
  return {
    id: options.id,
    channel: 'email',
    provider: 'smtp',
    account: options.account,
    check: (message) => {
      draftMail(message, options)
    },
    send: (message, { signal }) => sendMessage(options, pool, message, signal),
    ...(limits === undefined ? {} : { sendLimits: limits }),
    ...(inboundToken === undefined
      ? {}
      : {
          webhooks: [
            {
              path: options.inboundPath,
              methods: ['POST'],
              authorize: (head) => verifyToken(head, inboundToken),
              verify: (request) => verifyToken(request, inboundToken),
              parse: (request) => parsePostedMail(request, options),
            },
          ],
        }),
    probe: smtpProbe(options),
    close: () => pool.close(),
  }
}
