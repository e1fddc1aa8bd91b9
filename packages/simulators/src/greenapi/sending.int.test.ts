import { afterEach, describe, expect, it } from 'vitest'
import { ALL_ON, call, closeAll, LEAD, receiver, simulator } from './testing/instance.ts'

afterEach(closeAll)

describe('a message sent by API', () => {
  it('waits in the queue, then comes back as echo, sent, delivered, read; the journal shows it later', async () => {
    const hook = await receiver()
    const settings = { ...ALL_ON, webhookUrl: hook.url, webhookUrlToken: 'abc' }
    const greenApi = await simulator({ settings, state: 'notAuthorized', speed: 50 })
    const { idMessage } = (await call(greenApi, 'sendMessage', { chatId: LEAD, message: 'Bonjour' })).json
    const queued = { messageID: idMessage, type: 'sendMessage', body: { chatId: LEAD, message: 'Bonjour' } }
    expect((await call(greenApi, 'showMessagesQueue')).json).toEqual([queued])
    greenApi.configure({ stateWebhook: 'no' })
    greenApi.setState('authorized')
    await greenApi.quiet()
    expect(hook.kinds()).toEqual(['outgoingAPIMessageReceived', 'sent', 'delivered', 'read'])
    expect(hook.got[0]?.authorization).toBe('Bearer abc')
    expect(JSON.parse(hook.got[0]?.body as string).messageData).toMatchObject({ extendedTextMessageData: { text: 'Bonjour' } })
    expect((await call(greenApi, 'showMessagesQueue')).json).toEqual([])
    expect((await call(greenApi, 'lastOutgoingMessages')).json).toEqual([])
    await expect
      .poll(async () => (await call(greenApi, 'lastOutgoingMessages', undefined, '?minutes=5')).json, { timeout: 5_000 })
      .toMatchObject([{ type: 'outgoing', idMessage, textMessage: 'Bonjour', statusMessage: 'read', sendByApi: true }])
  })

  it.each([
    ['sendFileByUrl', { urlFile: 'https://example.com/a.pdf', fileName: 'a.pdf' }, 'documentMessage'],
    ['sendLocation', { latitude: 48.85, longitude: 2.35, nameLocation: 'Paris' }, 'locationMessage'],
    ['sendContact', { contact: { phoneContact: 33639980002, firstName: 'Alex' } }, 'contactMessage'],
    ['sendPoll', { message: 'Mardi ?', options: [{ optionName: 'oui' }, { optionName: 'non' }] }, 'pollMessage'],
    ['sendInteractiveButtonsReply', { body: 'Mardi ?', buttons: [{ buttonId: '1', buttonText: 'oui' }] }, 'interactiveButtonsReply'],
    [
      'sendInteractiveButtons',
      { body: 'x', buttons: [{ type: 'url', buttonId: '1', buttonText: 'y', url: 'https://example.com' }] },
      'interactiveButtons',
    ],
  ])('may be made by %s', async (method, body, typeMessage) => {
    const greenApi = await simulator()
    expect((await call(greenApi, method, { chatId: LEAD, ...body })).json).toEqual({ idMessage: expect.stringMatching(/^BAE5/) })
    await expect.poll(greenApi.messages).toMatchObject([{ typeMessage, chatId: LEAD }])
  })

  it('may be a file that is uploaded, and is served again', async () => {
    const greenApi = await simulator()
    const form = new FormData()
    form.set('chatId', LEAD)
    form.set('file', new Blob(['bytes']), 'devis.pdf')
    const url = `${greenApi.url}/waInstance${greenApi.idInstance}/sendFileByUpload/${greenApi.apiToken}`
    const { urlFile } = (await (await fetch(url, { method: 'POST', body: form })).json()) as { urlFile: string }
    expect(await (await fetch(urlFile)).text()).toBe('bytes')
  })

  it('ends as noAccount for a number without WhatsApp, whatever the settings', async () => {
    const hook = await receiver()
    const greenApi = await simulator({ withoutWhatsapp: ['33639980009'], settings: { webhookUrl: hook.url } })
    await call(greenApi, 'sendMessage', { chatId: '33639980009@c.us', message: 'x' })
    await greenApi.quiet()
    expect(hook.kinds()).toEqual(['noAccount'])
    expect((await call(greenApi, 'checkWhatsapp', { phoneNumber: 33639980009 })).json.existsWhatsapp).toBe(false)
    expect((await call(greenApi, 'checkWhatsapp', { phoneNumber: 33639980001 })).json).toMatchObject({
      phoneNumber: LEAD,
      chatId: expect.stringMatching(/^\d+@lid$/),
    })
  })

  it('is forwarded, edited and deleted', async () => {
    const greenApi = await simulator({ speed: 50 })
    const chatId = '33639980002@c.us'
    const idMessage = greenApi.lead(LEAD).writes('Bonjour')
    greenApi.setState('notAuthorized')
    const { messages } = (await call(greenApi, 'forwardMessages', { chatId, chatIdFrom: LEAD, messages: [idMessage] })).json
    expect((await call(greenApi, 'showMessagesQueue')).json).toMatchObject([{ messagesIDs: messages, type: 'ForwardMessages' }])
    greenApi.setState('authorized')
    await expect.poll(greenApi.messages).toHaveLength(2)
    expect((await call(greenApi, 'editMessage', { chatId, idMessage: messages[0], message: 'y' })).status).toBe(200)
    expect((await call(greenApi, 'deleteMessage', { chatId, idMessage: messages[0] })).text).toBe('')
    expect((await call(greenApi, 'getMessage', { chatId, idMessage: messages[0] })).json).toMatchObject({ isEdited: true, isDeleted: true })
  })
})

describe('a call that is not carried out', () => {
  it('is refused for its credentials before anything is looked at', async () => {
    const { url, idInstance, apiToken } = await simulator({ rateLimits: true })
    const status = async (path: string) => (await fetch(`${url}/${path}`, { method: 'POST', body: '{' })).status
    expect(await status(`waInstance${idInstance}/nothing/wrong-token`)).toBe(401)
    expect(await status(`waInstance7105000009/sendMessage/${apiToken}`)).toBe(403)
    expect(await status(`waInstance${idInstance}/nothing/${apiToken}`)).toBe(404)
  })

  it.each([
    ['sendMessage', { message: 'x' }, "'chatId' is required"],
    ['sendMessage', { chatId: '', message: 'x' }, "'chatId' is not allowed to be empty"],
    ['sendMessage', { chatId: '33639980001', message: 'x' }, "'chatId' must be one of the next formats"],
    ['sendMessage', { chatId: 'x@newsletter', message: 'x' }, "'chatId' must be one of the next formats"],
    ['sendMessage', { chatId: LEAD, message: 'x', foo: 1 }, "'foo' is not allowed"],
    ['sendMessage', { chatId: LEAD, message: 'x'.repeat(20_001) }, "'message' length must be less than or equal to 20000"],
    ['sendPoll', { chatId: LEAD, message: 'x', options: [{ optionName: 'a' }, { optionName: 'a' }] }, "'options' must be different"],
    ['sendFileByUrl', { chatId: LEAD, urlFile: 'https://example.com/a', fileName: 'a' }, "'fileName' must have an extension"],
  ])('%s without what it needs says why, and echoes its path with the token (%#)', async (method, body, details) => {
    const greenApi = await simulator()
    const { status, json } = await call(greenApi, method, body)
    expect([status, json.path]).toEqual([400, `/waInstance7105000001/${method}/token-for-tests`])
    expect(json.message).toContain(details)
  })

  it('is over the rate of its method', async () => {
    const greenApi = await simulator({ rateLimits: true })
    expect((await call(greenApi, 'getSettings')).status).toBe(200)
    const second = await call(greenApi, 'getSettings')
    expect([second.status, second.text, second.headers.get('x-ratelimit-replenish-rate'), second.headers.get('retry-after')]).toEqual([
      429,
      '',
      '1',
      null,
    ])
  })

  it('is over the quota, and a notification says so', async () => {
    const hook = await receiver()
    const greenApi = await simulator({ correspondents: 1, checks: 1, settings: { webhookUrl: hook.url } })
    expect((await call(greenApi, 'sendMessage', { chatId: LEAD, message: 'x' })).status).toBe(200)
    const { status, json } = await call(greenApi, 'sendMessage', { chatId: '33639980002@c.us', message: 'x' })
    expect(status).toBe(466)
    expect(json).toMatchObject({
      invokeStatus: { status: 'QUOTE_ALLOWED' },
      correspondentsStatus: { status: 'CORRESPONDENTS_QUOTE_EXCEEDED' },
    })
    expect((await call(greenApi, 'checkWhatsapp', { phoneNumber: 33639980001 })).status).toBe(200)
    expect((await call(greenApi, 'checkWhatsapp', { phoneNumber: 33639980001 })).status).toBe(469)
    await greenApi.quiet()
    expect(hook.kinds()).toEqual(['quotaExceeded'])
  })

  it('meets an instance that starts, and one that is suspended', async () => {
    const greenApi = await simulator({ state: 'starting' })
    const send = () => call(greenApi, 'sendMessage', { chatId: LEAD, message: 'x' })
    expect(await send()).toMatchObject({ status: 400, text: 'instance in starting process try later' })
    greenApi.setState('suspended')
    expect(await send()).toMatchObject({ status: 403, text: 'Your account is suspended' })
    greenApi.setState('notAuthorized')
    expect((await send()).status).toBe(200)
    expect((await call(greenApi, 'showMessagesQueue')).json).toHaveLength(1)
    expect((await call(greenApi, 'clearMessagesQueue', {})).json).toEqual({ isCleared: true })
  })
})
