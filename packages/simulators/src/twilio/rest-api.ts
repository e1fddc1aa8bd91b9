import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { messageResource, randomDigits, type SimulatedAccount, type SimulatedMessage } from './account.ts'
import { type ApiProblem, createMessage } from './create-message.ts'

/** What happens to the next call of the API instead of its answer. `take…`: Twilio has the message, and the caller does not know. */
export type ApiFault =
  | (ApiProblem & { readonly headers?: Readonly<Record<string, string>> })
  | 'hang'
  | 'reset'
  | 'take-and-hang'
  | 'take-and-reset'

export interface RestApiOptions {
  readonly account: SimulatedAccount
  readonly now: () => number
  readonly nextFault: (call: { readonly method: string; readonly path: string }) => ApiFault | undefined
  /** Told of each new message, before it is answered; the answer waits for it. */
  readonly onCreated: (message: SimulatedMessage) => Promise<void>
}

type Env = { Bindings: HttpBindings }
type Handler = (c: Context<Env>) => Response | Promise<Response>

const BASE = '/2010-04-01/Accounts/:account'

/** The part of Twilio's REST API that messaging needs. https://www.twilio.com/docs/messaging/api */
export function restApi(options: RestApiOptions): Hono<Env> {
  const { account, now } = options
  const app = new Hono<Env>()

  const called =
    (handler: Handler): Handler =>
    async (c) => {
      if (!isAuthorized(c, account)) return failure(c, { status: 401, code: 20003, message: 'Authenticate' })
      if (c.req.param('account') !== undefined && c.req.param('account')?.replace(/\.json$/, '') !== account.sid) return notFound(c)
      const fault = options.nextFault(c.req)
      if (fault === undefined) return handler(c)
      if (typeof fault === 'object') return failure(c, fault)
      if (fault.startsWith('take')) await handler(c)
      if (fault.endsWith('reset')) c.env.incoming.socket.destroy()
      return new Promise<Response>(() => {})
    }

  app.post(
    `${BASE}/Messages.json`,
    called(async (c) => {
      const created = createMessage(account, new URLSearchParams(await c.req.text()))
      if ('code' in created) return failure(c, created)
      const kind = created.mediaUrls.length > 0 ? 'MM' : 'SM'
      const message: SimulatedMessage = { ...created, sid: `${kind}${randomDigits()}`, createdAt: now() }
      const answer = messageResource(account, message)
      account.messages.push(message)
      await options.onCreated(message)
      return c.json(answer, 201)
    }),
  )
  app.get(
    `${BASE}/Messages.json`,
    called((c) => c.json(listMessages(account, new URL(c.req.url)))),
  )
  app.get(
    `${BASE}/Messages/:sid{[A-Z]{2}[0-9a-f]+.json}`,
    called((c) => {
      const message = account.messages.find(({ sid }) => `${sid}.json` === c.req.param('sid'))
      return message ? c.json(messageResource(account, message)) : notFound(c)
    }),
  )
  app.get(
    `${BASE}/Messages/:sid/Media.json`,
    called((c) => {
      const message = account.messages.find(({ sid }) => sid === c.req.param('sid'))
      if (!message) return notFound(c)
      const media_list = message.media.map(({ sid, contentType }) => ({
        sid,
        account_sid: account.sid,
        parent_sid: message.sid,
        content_type: contentType,
        uri: `/2010-04-01/Accounts/${account.sid}/Messages/${message.sid}/Media/${sid}.json`,
      }))
      return c.json({ media_list, ...onePage })
    }),
  )
  // A file itself: the API redirects to a signed URL elsewhere, which does not take credentials.
  app.get(
    `${BASE}/Messages/:sid/Media/:media`,
    called((c) => c.redirect(`/cdn/${c.req.param('media')}?signature=simulated`, 307)),
  )
  app.get('/cdn/:media', (c) => {
    if (c.req.header('authorization')) return c.text('Only one authentication mechanism is allowed', 400)
    const media = account.messages.flatMap((message) => message.media).find(({ sid }) => sid === c.req.param('media'))
    return media ? c.body(media.bytes, 200, { 'content-type': media.contentType }) : c.text('Not found', 404)
  })

  app.get(
    '/2010-04-01/Accounts/:account{AC[0-9a-f]+.json}',
    called((c) => c.json({ sid: account.sid, status: account.status, friendly_name: 'Simulated', type: 'Full' })),
  )
  app.get(
    `${BASE}/IncomingPhoneNumbers.json`,
    called((c) => c.json({ incoming_phone_numbers: listNumbers(account, c.req.query('PhoneNumber')), ...onePage })),
  )
  app.get(
    '/v1/Services',
    called((c) => c.json({ services: account.services.map(serviceResource), ...onePageV1('services') })),
  )
  app.get(
    '/v1/Services/:sid',
    called((c) => {
      const service = account.services.find(({ sid }) => sid === c.req.param('sid'))
      return service ? c.json(serviceResource(service)) : notFound(c)
    }),
  )
  app.get(
    '/v1/Services/:sid/PhoneNumbers',
    called((c) => {
      const service = account.services.find(({ sid }) => sid === c.req.param('sid'))
      const phone_numbers = service?.numbers.map((number) => ({ phone_number: number, service_sid: service.sid }))
      return phone_numbers ? c.json({ phone_numbers, ...onePageV1('phone_numbers') }) : notFound(c)
    }),
  )
  return app
}

const onePage = { next_page_uri: null, previous_page_uri: null, page: 0, page_size: 50 }
const onePageV1 = (key: string) => ({ meta: { key, next_page_url: null, previous_page_url: null, page: 0, page_size: 50 } })

function isAuthorized(c: Context, { sid, authToken }: SimulatedAccount): boolean {
  return c.req.header('authorization') === `Basic ${Buffer.from(`${sid}:${authToken}`).toString('base64')}`
}

function failure(
  c: Context,
  { status, code, message, headers = {} }: ApiProblem & { headers?: Readonly<Record<string, string>> },
): Response {
  const body = { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }
  return c.json(body, status as 400, { ...headers })
}

function notFound(c: Context): Response {
  return failure(c, { status: 404, code: 20404, message: `The requested resource ${c.req.path} was not found` })
}

/** The newest first, in pages. https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources */
function listMessages(account: SimulatedAccount, url: URL): Record<string, unknown> {
  const get = (name: string) => url.searchParams.get(name)
  const [on, after, before] = ['DateSent', 'DateSent>', 'DateSent<'].map(get)
  const day = (text: string) => Date.parse(text.slice(0, 10))
  const found = account.messages
    .filter(({ to, from, sentAt }) => {
      if (get('To') !== null && to !== get('To')) return false
      if (get('From') !== null && from !== get('From')) return false
      // What has no DateSent yet is in no list by date.
      if (sentAt === null) return !on && !after && !before
      const sent = day(new Date(sentAt).toISOString())
      return (!on || sent === day(on)) && (!after || sent >= day(after)) && (!before || sent <= day(before))
    })
    .toReversed()
  const size = Math.min(Number(get('PageSize') ?? 50), 1000)
  const page = Number(get('Page') ?? 0)
  const here = (number: number) => {
    const query = new URLSearchParams(url.searchParams)
    query.set('Page', String(number))
    return `${url.pathname}?${query}`
  }
  return {
    messages: found.slice(page * size, (page + 1) * size).map((message) => messageResource(account, message)),
    next_page_uri: found.length > (page + 1) * size ? here(page + 1) : null,
    previous_page_uri: page > 0 ? here(page - 1) : null,
    page,
    page_size: size,
  }
}

function listNumbers(account: SimulatedAccount, wanted: string | undefined): Record<string, unknown>[] {
  return account.numbers
    .filter(({ phoneNumber }) => !phoneNumber.startsWith('whatsapp:') && (wanted === undefined || phoneNumber === wanted))
    .map(({ phoneNumber, smsUrl = '', smsMethod = 'POST', smsFallbackUrl = '', smsApplicationSid = '', smsCapable = true }) => ({
      sid: `PN${account.sid.slice(2)}`,
      account_sid: account.sid,
      phone_number: phoneNumber,
      capabilities: { voice: true, sms: smsCapable, mms: smsCapable, fax: false },
      sms_url: smsUrl,
      sms_method: smsMethod,
      sms_fallback_url: smsFallbackUrl,
      sms_application_sid: smsApplicationSid,
    }))
}

function serviceResource({ sid, inboundRequestUrl = '', useInboundWebhookOnNumber = true }: SimulatedAccount['services'][number]) {
  return {
    sid,
    friendly_name: 'Simulated',
    inbound_request_url: inboundRequestUrl || null,
    inbound_method: 'POST',
    use_inbound_webhook_on_number: useInboundWebhookOnNumber,
  }
}
