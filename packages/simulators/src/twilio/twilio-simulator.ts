import { Hono } from 'hono'
import { listen } from '../listen.ts'
import { randomDigits, type SimulatedAccount, type SimulatedMessage, type SimulatedNumber, type SimulatedService } from './account.ts'
import { type CustomerMessage, incomingForm, takeMessage } from './incoming-message.ts'
import { type ApiFault, restApi } from './rest-api.ts'
import { type Outcome, statusCallback, statusesOf } from './status-callbacks.ts'
import { type CallerOptions, callWebhook, type WebhookDelivery, wasTaken } from './webhook-caller.ts'

export interface TwilioSimulatorOptions {
  /** @default a random one */
  readonly accountSid?: string
  /** @default a random one */
  readonly authToken?: string
  /** @default one number without a webhook, +1 202 555 0100 */
  readonly numbers?: readonly SimulatedNumber[]
  /** @default none */
  readonly services?: readonly SimulatedService[]
  /** @default 0, any free port */
  readonly port?: number
  /** Milliseconds from one status of a message to the next. @default 0 */
  readonly stepMs?: number
  /** How each message ends. @default read on WhatsApp, delivered elsewhere */
  readonly outcome?: (message: SimulatedMessage) => Outcome
  /** Where a URL is really called: what DNS and a reverse proxy do. @default where it says */
  readonly resolve?: (url: string) => string
  /** What a call of the API gets instead of its answer, when {@link TwilioSimulator.failNext} has nothing for it. @default nothing */
  readonly fault?: (call: { readonly method: string; readonly path: string }) => ApiFault | undefined
  /** @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
  /** @default the system's clock */
  readonly now?: () => number
}

/** What goes wrong with status callbacks on their way. */
export interface TimingFaults {
  /** All callbacks of a message come before the answer of the call that created it. @default false */
  readonly statusBeforeAnswer?: boolean
  /** Puts the statuses of a message into another order. @default as they happen */
  readonly order?: (statuses: readonly string[]) => readonly string[]
  /** How often each callback comes, with the same idempotency token. @default 1 */
  readonly times?: number
}

/** A Twilio on this machine, for demos and tests: the Messages API, and webhooks with real signatures. It sends nothing to anybody. */
export interface TwilioSimulator {
  readonly url: string
  /** What Twilio would know; may be changed while it runs. */
  readonly account: SimulatedAccount
  /** Every webhook that was called, in the order of their ends. */
  readonly deliveries: readonly WebhookDelivery[]
  /** Timing faults from now on. */
  behave(faults: TimingFaults): void
  /** What the next calls of the API get instead of their answers, in turn. */
  failNext(...faults: readonly ApiFault[]): void
  /** A customer writes to one of our numbers; the webhook is called. A message whose webhook fails is in the list all the same. */
  receive(message: CustomerMessage): Promise<SimulatedMessage>
  /** Resolves when no webhook is under way or waiting. */
  settled(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts a Twilio on the loopback interface. `POST <url>/simulator/incoming` with `From`, `Body` and any other parameter of a webhook lets
 * a customer write.
 * @example
 * const twilio = await startTwilioSimulator({ numbers: [{ phoneNumber: '+12025550100', smsUrl: 'http://127.0.0.1:3000/webhooks/twilio-sms/incoming' }] })
 */
export async function startTwilioSimulator(options: TwilioSimulatorOptions = {}): Promise<TwilioSimulator> {
  const { now = Date.now, stepMs = 0, fetch = globalThis.fetch } = options
  const account: SimulatedAccount = {
    sid: options.accountSid ?? `AC${randomDigits()}`,
    authToken: options.authToken ?? randomDigits(),
    status: 'active',
    numbers: (options.numbers ?? [{ phoneNumber: '+12025550100' }]).map((number) => ({ ...number })),
    services: (options.services ?? []).map((service) => ({ ...service })),
    messages: [],
    optOuts: new Set(),
  }
  const outcomeOf = options.outcome ?? (({ to }): Outcome => ({ status: to.startsWith('whatsapp:') ? 'read' : 'delivered' }))
  const closing = new AbortController()
  const caller: CallerOptions = {
    authToken: account.authToken,
    fetch,
    signal: closing.signal,
    resolve: options.resolve ?? ((url) => url),
  }
  const deliveries: WebhookDelivery[] = []
  const underWay = new Set<Promise<unknown>>()
  const faults: ApiFault[] = []
  let timing: TimingFaults = {}

  const track = <Result>(work: Promise<Result>): Promise<Result> => {
    underWay.add(work)
    void work.finally(() => underWay.delete(work)).catch(() => {})
    return work
  }
  const deliver = async (call: Parameters<typeof callWebhook>[0]) => {
    const delivery = await callWebhook(call, caller)
    deliveries.push(delivery)
    return delivery
  }
  const tell = async (message: SimulatedMessage) => {
    const outcome = outcomeOf(message)
    const { order = (statuses) => statuses, times = 1 } = timing
    for (const status of order(statusesOf(message, outcome))) {
      if (stepMs > 0) await pause(stepMs, closing.signal)
      if (closing.signal.aborted) return
      const ends = status === outcome.status
      message.status = status
      message.sentAt ??= now()
      if (ends) message.errorCode = outcome.errorCode ?? null
      const call = statusCallback(account, message, {
        status,
        errorCode: ends ? outcome.errorCode : undefined,
        idempotencyToken: randomDigits(),
        at: now(),
      })
      for (let time = 0; call && time < times; time += 1) await deliver(call)
    }
  }
  const receive = async (given: CustomerMessage) => {
    const message = takeMessage(account, given, now())
    account.messages.push(message)
    const number = account.numbers.find(({ phoneNumber }) => phoneNumber === message.to)
    const service = account.services.find(({ sid }) => sid === message.messagingServiceSid)
    const overridden = service && service.useInboundWebhookOnNumber === false
    const url = overridden ? service.inboundRequestUrl : number?.smsApplicationSid ? undefined : number?.smsUrl
    if (!url) return message
    const call = {
      form: incomingForm(account, message, given, base),
      idempotencyToken: randomDigits(),
      method: number?.smsMethod ?? 'POST',
    }
    const delivery = await deliver({ ...call, url })
    if (!wasTaken(delivery) && number?.smsFallbackUrl && !overridden) await deliver({ ...call, url: number.smsFallbackUrl })
    return message
  }

  const app = new Hono()
  app.post('/simulator/incoming', async (c) => {
    const { From: from = '', To: to, Body: body = '', ...parameters } = Object.fromEntries(new URLSearchParams(await c.req.text()))
    if (!from) return c.json({ error: 'Expected From, such as +33639980001' }, 400)
    const message = await track(receive({ from, body, parameters, ...(to ? { to } : {}) }))
    return c.json({ sid: message.sid, webhook: deliveries.findLast(({ form }) => form.MessageSid === message.sid)?.tries ?? 'none set' })
  })
  app.route(
    '/',
    restApi({
      account,
      now,
      nextFault: (call) => faults.shift() ?? options.fault?.(call),
      onCreated: async (message) => {
        const told = track(tell(message))
        if (timing.statusBeforeAnswer) await told
      },
    }),
  )
  const listening = await listen(app.fetch, options.port)
  const base = listening.url

  const settled = async () => {
    while (underWay.size > 0) await Promise.allSettled(underWay)
  }
  return {
    url: base,
    account,
    deliveries,
    behave: (next) => {
      timing = next
    },
    failNext: (...next) => {
      faults.push(...next)
    },
    receive: (message) => track(receive(message)),
    settled,
    close: async () => {
      closing.abort()
      await listening.close()
      await settled()
    },
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
