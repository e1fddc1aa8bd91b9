import { afterEach, describe, expect, it } from 'vitest'
import { ALL_ON, call, closeAll, LEAD, receiver, simulator } from './testing/instance.ts'

afterEach(closeAll)

describe('settings', () => {
  it('take a reboot to show, and notify of it', async () => {
    const greenApi = await simulator({ speed: 150 })
    expect((await call(greenApi, 'setSettings', { delaySendMessagesMilliseconds: 1_000 })).json).toEqual({ saveSettings: true })
    expect((await call(greenApi, 'getSettings')).json.delaySendMessagesMilliseconds).toBe(500)
    expect((await call(greenApi, 'getStateInstance')).json).toEqual({ stateInstance: 'starting' })
    await expect.poll(greenApi.state).toBe('authorized')
    expect((await call(greenApi, 'getSettings')).json).toMatchObject({ delaySendMessagesMilliseconds: 1_000, incomingWebhook: 'yes' })
    expect(greenApi.waiting()).toBe(2)
    expect((await call(greenApi, 'setSettings', { novelty: 'yes' })).status).toBe(400)
  })
})

describe('webhooks', () => {
  it('that are not answered with 200 block those behind them, and come again', async () => {
    const hook = await receiver((_body, turn) => (turn < 3 ? 500 : 200))
    const greenApi = await simulator({ settings: { ...ALL_ON, webhookUrl: hook.url } })
    const lead = greenApi.lead('33639980001')
    for (const text of ['1', '2']) lead.writes(text)
    await greenApi.quiet()
    expect(hook.kinds()).toEqual(['1', '1', '1', '2'])
    expect(greenApi.pushed).toEqual({ taken: 2, refused: 2 })
  })

  it('that are not answered in time come again', async () => {
    const hook = await receiver((_body, turn) => (turn === 1 ? 'hang' : 200))
    const greenApi = await simulator({ settings: { ...ALL_ON, webhookUrl: hook.url } })
    greenApi.lead('33639980001').writes('1')
    await greenApi.quiet()
    expect(hook.kinds()).toEqual(['1', '1'])
  })

  it('are gone after 24 hours', async () => {
    const clock = { time: Date.now(), now: () => clock.time }
    const greenApi = await simulator({ clock, speed: 1, settings: ALL_ON })
    greenApi.lead('33639980001').writes('1')
    clock.time += 86_400_001
    greenApi.lead('33639980001').writes('2')
    expect((await call(greenApi, 'receiveNotification')).json.body.messageData.textMessageData.textMessage).toBe('2')
  })

  it('come twice, out of order, late, and of types that nobody knows', async () => {
    const hook = await receiver()
    const greenApi = await simulator({ settings: { ...ALL_ON, webhookUrl: hook.url } })
    for (const [at, what] of (['duplicate', 'reorder', 'unknown-type', 'malformed'] as const).entries())
      greenApi.fault({ on: 'notification', do: what, every: at + 1 })
    greenApi.fault({ on: 'notification', do: 'delay', delayMs: 200_000, every: 5 })
    for (const text of ['1', '2', '3', '4', '5', '6']) greenApi.lead('33639980001').writes(text)
    await greenApi.quiet()
    expect(hook.kinds()).toEqual(['1', '1', '3', '2', expect.stringContaining('malformed'), '4', '6', '5'].toSpliced(2, 0, 'novelty'))
  })
})

describe('the long poll', () => {
  it('gives the same notification until it is deleted, and null when there is none', async () => {
    const greenApi = await simulator()
    for (const text of ['1', '2']) greenApi.lead('33639980001').writes(text)
    const first = (await call(greenApi, 'receiveNotification')).json
    expect((await call(greenApi, 'receiveNotification')).json).toEqual(first)
    const remove = async (id: number) => (await call(greenApi, 'deleteNotification', undefined, `/${id}`, 'DELETE')).json
    expect(await remove(first.receiptId)).toEqual({ result: true })
    expect(await remove(first.receiptId)).toEqual({ result: false })
    const second = (await call(greenApi, 'receiveNotification')).json
    expect(second.body.messageData.textMessageData.textMessage).toBe('2')
    await remove(second.receiptId)
    expect((await call(greenApi, 'receiveNotification', undefined, '?receiveTimeout=5')).text).toBe('null')
    expect((await call(greenApi, 'receiveNotification', undefined, '?receiveTimeout=4')).status).toBe(400)
  })

  it('waits for the next one', async () => {
    const greenApi = await simulator({ speed: 1 })
    const waiting = call(greenApi, 'receiveNotification', undefined, '?receiveTimeout=60')
    await new Promise((resolve) => setTimeout(resolve, 20))
    greenApi.lead('33639980001').writes('1')
    expect((await waiting).json.body.messageData).toMatchObject({ typeMessage: 'textMessage' })
  })

  it('is refused while a webhook URL is set', async () => {
    const greenApi = await simulator({ settings: { webhookUrl: 'http://127.0.0.1:9/hook' } })
    expect((await call(greenApi, 'receiveNotification')).json).toMatchObject({
      code: 'INVALID_PARAM',
      message: expect.stringContaining('webhook url is set'),
    })
  })
})

describe('faults on demand', () => {
  it.each(['answer', 'accept-then-answer'] as const)('%s: 500, once', async (what) => {
    const greenApi = await simulator({ settings: {} })
    greenApi.fault({ on: 'sendMessage', do: what, status: 500, body: 'oops' })
    const send = () => call(greenApi, 'sendMessage', { chatId: LEAD, message: 'x' })
    expect(await send()).toMatchObject({ status: 500, text: 'oops' })
    expect((await send()).status).toBe(200)
    await greenApi.quiet()
    expect(greenApi.messages()).toHaveLength(what === 'answer' ? 1 : 2)
  })

  it.each([
    ['hang', 0],
    ['drop', 0],
    ['accept-then-hang', 1],
    ['accept-then-drop', 1],
  ] as const)('%s: no answer, and %i messages', async (what, messages) => {
    const greenApi = await simulator({ settings: {}, speed: 50 })
    greenApi.fault({ on: 'sendMessage', do: what })
    const url = `${greenApi.url}/waInstance${greenApi.idInstance}/sendMessage/${greenApi.apiToken}`
    const body = JSON.stringify({ chatId: LEAD, message: 'x' })
    await expect(fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(100) })).rejects.toThrow()
    await greenApi.quiet()
    expect(greenApi.messages()).toHaveLength(messages)
  })
})

it('lets a lead write from a shell, and shows its messages', async () => {
  const greenApi = await simulator()
  const post = (body: string) => fetch(`${greenApi.url}/simulator/lead-writes`, { method: 'POST', body })
  expect(await (await post('{"from":"+33 6 39 98 00 02","text":"Salut"}')).json()).toEqual({ idMessage: expect.any(String) })
  expect((await post('{"from":1}')).status).toBe(400)
  greenApi.staffWrites('33639980002', 'Oui')
  const shown = await (await fetch(`${greenApi.url}/simulator/messages`)).json()
  expect(shown).toMatchObject([
    { type: 'incoming', chatId: '33639980002@c.us', textMessage: 'Salut' },
    { type: 'outgoing', textMessage: 'Oui', sendByApi: false },
  ])
})
