import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type Answer, validationFailed } from './answer.ts'
import { controlRoutes } from './control.ts'
import type { GreenApiFault } from './faults.ts'
import type { Instance } from './instance.ts'
import { methods } from './methods.ts'
import { deleteNotification, receiveNotification } from './polling.ts'
import { createRateLimits } from './rate-limits.ts'
import { type Call, isSendMethod, send } from './sending.ts'
import { sendFileByUpload, uploadFile } from './upload.ts'

type Env = { Bindings: HttpBindings }

/** The HTTP side: credentials, then limits, then the method. https://green-api.com/en/docs/api/ */
export function createApp(instance: Instance, onCall: (method: string, status: number) => void): Hono<Env> {
  const { options, faults, files, schedule } = instance
  const overLimit = createRateLimits(options.clock)
  const app = new Hono<Env>()

  app.route('/simulator', controlRoutes(instance))
  app.get('/media/*', (c) => {
    const file = files.get(new URL(c.req.url).pathname)
    return file ? c.body(file) : c.notFound()
  })
  app.on('ALL', ['/:instance/:method/:token', '/:instance/:method/:token/:receiptId'], async (c) => {
    const { instance: name, token } = c.req.param()
    // Both spellings are published: sendMessage today, SendMessage in the older pages.
    const method = c.req.param('method').replace(/^./, (sign) => sign.toLowerCase())
    const answer = (given: Answer) => {
      onCall(method, given.status)
      return respond(c, given)
    }
    // Before anything else is looked at, the long poll included.
    if (name !== `waInstance${options.idInstance}`) return answer({ status: 403 })
    if (token !== options.apiToken) return answer({ status: 401 })
    if (options.rateLimits) {
      const { over, perSecond } = overLimit(method)
      if (over) return answer({ status: 429, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-replenish-rate': String(perSecond) } })
    }
    const struck = faults.strike(method)
    const before = await beforeCall(c, struck)
    if (before) return answer(before)
    const carriedOut = await carryOut(c, method)
    return answer(afterCall(c, carriedOut, struck) ?? (await never(c)))
  })
  return app

  async function beforeCall(c: Context<Env>, struck: readonly GreenApiFault[]): Promise<Answer | undefined> {
    for (const fault of struck) {
      if (fault.do === 'delay') await schedule.pause(fault.delayMs)
      if (fault.do === 'drop') c.env.incoming.socket.destroy()
      if (fault.do === 'hang' || fault.do === 'drop') return never(c)
      if (fault.do === 'answer') return { ...fault, body: fault.body ?? '' }
    }
    return undefined
  }

  /** The answer, or none when it is to be lost. */
  function afterCall(c: Context<Env>, answered: Answer, struck: readonly GreenApiFault[]): Answer | undefined {
    for (const fault of struck) {
      if (fault.do === 'accept-then-answer') return { ...fault, body: fault.body ?? '' }
      if (fault.do === 'accept-then-drop') c.env.incoming.socket.destroy()
      if (fault.do === 'accept-then-hang' || fault.do === 'accept-then-drop') return undefined
    }
    return answered
  }

  /** Waits until the caller goes away or the simulator is closed. */
  function never(c: Context<Env>): Promise<Answer> {
    return new Promise((resolve) => {
      const end = () => resolve({ status: 500 })
      c.env.outgoing.once('close', end)
      schedule.stopped.addEventListener('abort', end)
    })
  }

  async function carryOut(c: Context<Env>, method: string): Promise<Answer> {
    const { pathname: path } = new URL(c.req.url)
    const query = c.req.query()
    switch (method) {
      case 'receiveNotification':
        return receiveNotification(instance, { method, path, query, body: undefined }, c.req.raw.signal)
      case 'deleteNotification':
        return deleteNotification(instance, c.req.param('receiptId') ?? '')
      case 'sendFileByUpload':
        return sendFileByUpload(instance, { method, path, query, body: undefined }, c.req.raw)
      case 'uploadFile':
        return uploadFile(instance, c.req.raw)
    }
    const known = methods[method]
    if (!known && !isSendMethod(method)) return { status: 404, body: { message: `Cannot ${c.req.method} ${path}` } }
    const text = c.req.method === 'POST' ? await c.req.text() : ''
    const call: Call = { method, path, query, body: text === '' ? undefined : parsed(text) }
    if (text !== '' && call.body === undefined) return validationFailed(path, 'the body is not JSON')
    return isSendMethod(method) ? send(instance, method, call) : (known as NonNullable<typeof known>)(instance, call)
  }
}

function respond(c: Context<Env>, { status, body, headers = {} }: Answer): Response {
  const given = status as ContentfulStatusCode
  if (typeof body === 'string') return c.body(body, given, headers)
  return body === undefined ? c.body(null, given, headers) : c.json(body as object, given, headers)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
