import {
  type GreenApiSimulator,
  type SmtpSimulator,
  startGreenApiSimulator,
  startSmtpSimulator,
  startTwilioSimulator,
  type TwilioSimulator,
} from '@pipe-comms/simulators'
import { quickTime } from './quick-time.ts'
import { PUBLIC_URL, type SendingWorld, SMS_FROM, WEBHOOK_TOKEN } from './sending-ways.ts'

type Channel = 'whatsapp' | 'sms' | 'email'

/** The three providers, each with its faults: they alone know what was taken. */
export interface SendingPeers {
  readonly world: Pick<SendingWorld, 'greenApi' | 'twilio' | 'smtp'>
  /** How often each text was taken for each contact, by {@link letterKey}. */
  taken(): Promise<Map<string, number>>
  /** Echoes of what was sent, by which an unknown outcome is settled without asking. */
  echo(on: boolean): void
  close(): Promise<void>
}

/** What went to whom, as both sides can name it: Green-API knows no id of ours. */
export function letterKey(channel: Channel, to: string, text: string): string {
  return `${channel} ${to.replace(/\D*@.*$|^\+/g, '')} ${text.trim()}`
}

const FIVE_PERCENT = 20
const TWO_PERCENT = 50

/** 5 % of the calls hang after they were carried out, 5 % are answered 5xx, 2 % of the callbacks come twice, some before the answer. */
export async function startPeers(
  { epoch, speed }: { epoch: number; speed: number },
  webhook: (request: Request) => Promise<Response>,
): Promise<SendingPeers> {
  const { clock } = quickTime(epoch, speed)
  const fetch: typeof globalThis.fetch = (url, init) => webhook(new Request(url, init))
  const greenApi = await startGreenApi({ speed, clock, fetch })
  const twilio = await startTwilio({ clock, fetch })
  const smtp = await startSmtp()
  return {
    world: {
      greenApi: { idInstance: greenApi.idInstance, apiToken: greenApi.apiToken, apiUrl: greenApi.url },
      twilio: { accountSid: twilio.account.sid, authToken: twilio.account.authToken, apiUrl: twilio.url },
      smtp: { port: smtp.port, ca: smtp.ca, user: smtp.user, password: smtp.password },
    },
    async taken() {
      await Promise.all([greenApi.quiet(), twilio.settled()])
      const counts = new Map<string, number>()
      const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
      for (const { chatId, textMessage } of greenApi.messages()) count(letterKey('whatsapp', String(chatId), String(textMessage)))
      for (const { to, body } of twilio.account.messages) count(letterKey('sms', to, body))
      for (const { to, mail } of smtp.inbox.messages) count(letterKey('email', to[0] ?? '', mail.text ?? ''))
      return counts
    },
    echo: (on) => greenApi.configure({ outgoingAPIMessageWebhook: on ? 'yes' : 'no' }),
    close: async () => {
      await Promise.all([greenApi.close(), twilio.close(), smtp.close()])
    },
  }
}

async function startGreenApi(options: {
  speed: number
  clock: { now(): number }
  fetch: typeof globalThis.fetch
}): Promise<GreenApiSimulator> {
  const webhookUrl = `${PUBLIC_URL}/webhooks/greenapi`
  const settings = { webhookUrl, webhookUrlToken: WEBHOOK_TOKEN, outgoingWebhook: 'yes' as const, delaySendMessagesMilliseconds: 500 }
  const greenApi = await startGreenApiSimulator({ ...options, settings })
  const always = { times: Number.POSITIVE_INFINITY }
  greenApi.fault({ on: 'sendMessage', do: 'accept-then-hang', every: FIVE_PERCENT, ...always })
  // Carried out or not: 5xx does not say.
  greenApi.fault({ on: 'sendMessage', do: 'answer', status: 503, every: 2 * FIVE_PERCENT + 1, ...always })
  greenApi.fault({ on: 'sendMessage', do: 'accept-then-answer', status: 500, every: 2 * FIVE_PERCENT - 1, ...always })
  // So that there is always something under way when a process is killed.
  greenApi.fault({ on: 'sendMessage', do: 'delay', delayMs: 3_000, every: 3, ...always })
  greenApi.fault({ on: 'notification', do: 'duplicate', every: TWO_PERCENT, ...always })
  return greenApi
}

async function startTwilio({ clock, fetch }: { clock: { now(): number }; fetch: typeof globalThis.fetch }): Promise<TwilioSimulator> {
  let sends = 0
  const twilio = await startTwilioSimulator({
    numbers: [{ phoneNumber: SMS_FROM }],
    now: clock.now,
    fetch,
    stepMs: 20,
    fault: ({ method }) => {
      if (method !== 'POST') return undefined
      sends += 1
      if (sends % FIVE_PERCENT === 0) return 'take-and-hang'
      return sends % FIVE_PERCENT === 7 ? { status: 503, code: 20503, message: 'Service unavailable' } : undefined
    },
  })
  let callbacks = 0
  const every = (n: number) => {
    callbacks += 1
    return callbacks % n === 0
  }
  // Asked anew for each message.
  twilio.behave({
    get statusBeforeAnswer() {
      return every(3)
    },
    get times() {
      return every(TWO_PERCENT) ? 2 : 1
    },
    get order() {
      // Of some nothing is told, so that only the list says that they were taken.
      if (every(11)) return () => []
      return every(7) ? (statuses: readonly string[]) => statuses.toReversed() : (statuses: readonly string[]) => statuses
    },
  })
  return twilio
}

async function startSmtp(): Promise<SmtpSimulator> {
  const smtp = await startSmtpSimulator({ capacity: 100_000 })
  const strike = async () => {
    for (let count = FIVE_PERCENT; ; count += FIVE_PERCENT) {
      await smtp.inbox.reach(count)
      smtp.fault({ kind: count % (2 * FIVE_PERCENT) === 0 ? 'stall' : 'drop', at: 'dot' }, 1)
      smtp.fault({ kind: 'refuse', at: 'sender', reply: '451 4.3.0 Try again later' }, 1)
    }
  }
  void strike()
  return smtp
}
