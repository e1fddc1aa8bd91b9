import type { SimulatedAccount, SimulatedMessage } from './account.ts'
import type { WebhookCall } from './webhook-caller.ts'

/** How a message ends. */
export interface Outcome {
  readonly status: 'sent' | 'delivered' | 'read' | 'undelivered' | 'failed' | 'canceled'
  readonly errorCode?: number
}

/**
 * The statuses of a message after its first one, of which Twilio tells nobody.
 * https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
 */
export function statusesOf(message: SimulatedMessage, { status }: Outcome): readonly string[] {
  const waiting = message.messagingServiceSid ? ['queued'] : []
  const onTheWay = [...waiting, 'sending', 'sent']
  switch (status) {
    case 'canceled':
      return ['canceled']
    case 'failed':
      return [...waiting, 'failed']
    case 'sent':
      return onTheWay
    case 'read':
      return [...onTheWay, 'delivered', 'read']
    default:
      return [...onTheWay, status]
  }
}

/** The callback of one status. There is no time in it. */
export function statusCallback(
  account: SimulatedAccount,
  message: SimulatedMessage,
  step: { status: string; errorCode?: number | undefined; idempotencyToken: string; at: number },
): WebhookCall | undefined {
  if (!message.statusCallback) return undefined
  const { status, errorCode } = step
  const whatsapp = message.to.startsWith('whatsapp:')
  const ended = status === 'delivered' || status === 'undelivered'
  const failed = status === 'undelivered' || status === 'failed'
  return {
    url: message.statusCallback,
    idempotencyToken: step.idempotencyToken,
    form: {
      ApiVersion: '2010-04-01',
      MessageStatus: status,
      SmsSid: message.sid,
      // What was read still says delivered here.
      SmsStatus: status === 'read' ? 'delivered' : status,
      To: message.to,
      From: message.from ?? account.numbers[0]?.phoneNumber ?? '',
      MessageSid: message.sid,
      AccountSid: account.sid,
      ...(message.messagingServiceSid ? { MessagingServiceSid: message.messagingServiceSid } : {}),
      ...(failed && errorCode !== undefined ? { ErrorCode: String(errorCode) } : {}),
      ...(whatsapp
        ? {
            ChannelPrefix: 'whatsapp',
            ChannelInstallSid: `XE${account.sid.slice(2)}`,
            ChannelToAddress: message.to.slice('whatsapp:'.length),
            ...(ended || status === 'read' ? { EventType: status.toUpperCase() } : {}),
          }
        : ended
          ? { RawDlrDoneDate: new Date(step.at).toISOString().replace(/\D/g, '').slice(2, 12) }
          : {}),
    },
  }
}
