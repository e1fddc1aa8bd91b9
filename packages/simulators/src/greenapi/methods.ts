import { z } from 'zod'
import { type Answer, detailsOf, ok, validationFailed } from './answer.ts'
import { chatIdSchema, lidOf } from './chat.ts'
import type { Instance } from './instance.ts'
import type { KeptMessage } from './message.ts'
import { type Call, forwardMessages } from './sending.ts'
import { settingsSchema } from './settings.ts'

type Method = (instance: Instance, call: Call) => Answer | Promise<Answer>

const DAY_MINUTES = 1_440
const EDITABLE_MS = 15 * 60_000

const message = z.strictObject({ chatId: chatIdSchema, idMessage: z.string().min(1) })

/** A method with a checked body. */
function checked<Schema extends z.ZodType>(
  schema: Schema,
  run: (instance: Instance, body: z.output<Schema>, call: Call) => Answer,
): Method {
  return (instance, call) => {
    const body = schema.safeParse(call.body)
    return body.success ? run(instance, body.data, call) : validationFailed(call.path, detailsOf(body.error))
  }
}

function ofMessage<Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (instance: Instance, found: KeptMessage, body: z.output<z.ZodObject<Shape>>, call: Call) => Answer,
): Method {
  return checked(message.extend(shape), (instance, body, call) => {
    const { chatId, idMessage } = body as { chatId: string; idMessage: string }
    const found = instance.archive.find(chatId, idMessage)
    return found ? run(instance, found, body as never, call) : { status: 400, body: { message: 'message not found' } }
  })
}

/** An edit or a deletion is told as a message of its own that points to the first one. */
function tellChange(
  { account, notifier, options }: Instance,
  found: KeptMessage,
  setting: 'editedMessageWebhook' | 'deletedMessageWebhook',
  messageData: KeptMessage['messageData'],
): string {
  const idMessage = options.newId()
  const timestamp = Math.floor(options.clock.now() / 1000)
  if (account.settings()[setting] === 'yes') notifier.message({ ...found, idMessage, timestamp, sendByApi: true, messageData })
  return idMessage
}

/** Every method besides those that send one message. */
export const methods: Readonly<Record<string, Method>> = {
  forwardMessages,
  readChat: checked(z.strictObject({ chatId: chatIdSchema, idMessage: z.string().optional() }), () => ok({ setRead: true })),
  checkWhatsapp: checked(
    z.strictObject({ phoneNumber: z.number().int().optional(), chatId: chatIdSchema.optional(), force: z.boolean().optional() }),
    (instance, { phoneNumber, chatId = `${phoneNumber}@c.us` }) => {
      if (instance.quota.check()) return { status: 469, body: 'Too many checks of numbers' }
      const exists = instance.hasWhatsapp(chatId)
      return ok({
        existsWhatsapp: exists,
        chatId: exists ? lidOf(chatId) : '',
        username: '',
        phoneNumber: exists ? chatId : '',
        fromCache: false,
      })
    },
  ),
  editMessage: ofMessage({ message: z.string().min(1).max(20_000) }, (instance, found, body, { path }) => {
    const age = instance.options.clock.now() - found.timestamp * 1000
    if (age > instance.schedule.scaled(EDITABLE_MS)) return validationFailed(path, "'idMessage' is older than 15 minutes")
    found.isEdited = true
    const editedMessageData = { textMessage: body.message, stanzaId: found.idMessage }
    return ok({ idMessage: tellChange(instance, found, 'editedMessageWebhook', { typeMessage: 'editedMessage', editedMessageData }) })
  }),
  deleteMessage: ofMessage({ onlySenderDelete: z.boolean().optional() }, (instance, found) => {
    found.isDeleted = true
    const deletedMessageData = { stanzaId: found.idMessage }
    tellChange(instance, found, 'deletedMessageWebhook', { typeMessage: 'deletedMessage', deletedMessageData })
    return { status: 200 }
  }),
  downloadFile: ofMessage({}, (_instance, { messageData }) => {
    const { downloadUrl } = (messageData.fileMessageData ?? {}) as { downloadUrl?: string }
    return downloadUrl ? ok({ downloadUrl }) : { status: 400, body: { message: 'message has no file' } }
  }),
  getMessage: ofMessage({}, ({ archive }, { chatId, idMessage }) =>
    ok(archive.history(chatId, 1_000).find((entry) => entry.idMessage === idMessage)),
  ),
  getChatHistory: checked(
    z.strictObject({ chatId: chatIdSchema, count: z.number().int().positive().default(100) }),
    (instance, { chatId, count }) => ok(instance.archive.history(chatId, count)),
  ),
  lastIncomingMessages: (instance, { query }) => ok(instance.archive.journal('incoming', Number(query.minutes ?? DAY_MINUTES))),
  lastOutgoingMessages: (instance, { query }) => ok(instance.archive.journal('outgoing', Number(query.minutes ?? DAY_MINUTES))),
  showMessagesQueue: (instance) => ok(instance.outgoing.show()),
  clearMessagesQueue: (instance) => {
    instance.outgoing.clear()
    return ok({ isCleared: true })
  },
  getContacts: (instance) => ok(instance.archive.chats().map((id) => ({ id, name: '', contactName: '', type: 'user' }))),
  getStateInstance: (instance) => ok({ stateInstance: instance.account.state() }),
  getWaSettings: (instance) => ok({ stateInstance: instance.account.state(), phone: instance.options.number, avatar: '', deviceId: '' }),
  getSettings: (instance) =>
    ok({ wid: `${instance.options.number}@c.us`, countryInstance: '', typeAccount: '', ...instance.account.settings() }),
  setSettings: checked(settingsSchema, (instance, settings) => {
    instance.account.save(Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)))
    return ok({ saveSettings: true })
  }),
  reboot: (instance) => {
    instance.account.reboot()
    return ok({ isReboot: true })
  },
  logout: (instance) => {
    instance.account.setState('notAuthorized')
    return ok({ isLogout: true })
  },
}
