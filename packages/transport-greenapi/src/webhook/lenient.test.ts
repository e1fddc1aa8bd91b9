import { isDeepStrictEqual } from 'node:util'
import { createEvent, systemClock, uuidSource } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { ID_INSTANCE } from '../testing/notifications.ts'
import { ROWS } from '../testing/rows/index.ts'
import { parseNotification } from './parse.ts'

const parse = (notification: unknown) =>
  parseNotification(new TextEncoder().encode(JSON.stringify(notification)), { idInstance: String(ID_INSTANCE), via: 'webhook' })

/** What each notification cannot do without, and why. All else may be missing or odd. */
const ALWAYS = { typeWebhook: 'says what it is', instanceData: 'holds the next', 'instanceData.idInstance': 'says that it is ours' }
const MESSAGE = {
  idMessage: 'names the message',
  senderData: 'holds the next',
  'senderData.chatId': 'names the contact',
  messageData: 'holds the next',
  'messageData.typeMessage': 'says what kind of message it is',
}
const CHANGED = 'names the message that is changed'
const REQUIRED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  incomingMessageReceived: MESSAGE,
  outgoingMessageReceived: MESSAGE,
  outgoingAPIMessageReceived: MESSAGE,
  outgoingMessageStatus: { chatId: 'names the contact', idMessage: 'names the message', status: 'says how far it got' },
  incomingCall: { from: 'names the contact', idMessage: 'names the call', status: 'says what became of it' },
  outgoingCall: { from: 'names the contact', idMessage: 'names the call', status: 'says what became of it' },
  incomingBlock: { chatId: 'names the contact', chatState: 'says that it is blocked', timestamp: 'tells one block from the next' },
  stateInstanceChanged: { stateInstance: 'is the state', timestamp: 'tells one change from the next' },
  statusInstanceChanged: { statusInstance: 'is the state', timestamp: 'tells one change from the next' },
  deviceInfo: {
    timestamp: 'tells one from the next',
    deviceData: 'tells it from the other kind',
    avatarInfo: 'tells it from the other kind',
    'avatarInfo.chatId': 'names the contact',
  },
  quotaExceeded: { quotaData: 'holds the next', 'quotaData.method': 'names the limit' },
}
const REQUIRED_OF_CHANGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  editedMessage: { 'messageData.editedMessageData': 'holds the next', 'messageData.editedMessageData.stanzaId': CHANGED },
  deletedMessage: { 'messageData.deletedMessageData': 'holds the next', 'messageData.deletedMessageData.stanzaId': CHANGED },
  reactionMessage: { 'messageData.quotedMessage': 'holds the next', 'messageData.quotedMessage.stanzaId': CHANGED },
}
/** Facts without an id: their key is a fingerprint of all that they say. */
const NAMED_BY_WHAT_THEY_SAY = new Set(['deviceInfo', 'quotaExceeded'])

type Json = Record<string, unknown>
type Path = readonly string[]

function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => [[...path, name], ...pathsIn(part, [...path, name])])
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((holder, name) => (holder as Json)[name], value)
}

const MISSING = Symbol('missing')

function broken(notification: Json, path: Path, value: unknown): Json {
  const copy = structuredClone(notification)
  const holder = valueAt(copy, path.slice(0, -1)) as Json
  const name = path.at(-1) as string
  if (value === MISSING) delete holder[name]
  else holder[name] = value
  return copy
}

/** Values that a provider might put there one day. */
function oddities(value: unknown): [name: string, odd: unknown][] {
  const wrongType = typeof value === 'object' && value !== null ? 'odd' : { odd: [1] }
  const all: [string, unknown][] = [
    ['of another type', wrongType],
    ['null', null],
    ['missing', MISSING],
    ['an empty text', ''],
    ['an empty list', []],
    ['below zero', -1],
    ['a huge number', 1e300],
    ['a huge text', 'é'.repeat(20_000)],
  ]
  if (typeof value === 'string' && value.includes('@'))
    all.push(['a bot', '867051000000001@bot'], ['a hosted device', '100000000000001:99@hosted.lid'], ['no address', '\u0000 @@ '])
  return all
}

const factOf = (notification: Json) => {
  const facts = parse(notification)
  expect(facts).toHaveLength(1)
  return createEvent(facts[0] as (typeof facts)[0], { clock: systemClock, ids: uuidSource })
}

const rows = ROWS.map((row) => [row.type, row.remark, row] as const)
it.each(rows)('%s, %s: the fact is the same when any part that is not required is odd', (_type, _remark, { notification, fact, type }) => {
  const typeWebhook = notification.typeWebhook as string
  const required = { ...ALWAYS, ...REQUIRED[typeWebhook], ...REQUIRED_OF_CHANGES[type] }
  const paths = pathsIn(notification).filter((path) => !Object.hasOwn(required, path.join('.')))
  expect(paths.length).toBeGreaterThan(0)
  const whole = factOf(notification as Json).data
  for (const path of paths) {
    for (const [name, odd] of oddities(valueAt(notification, path))) {
      const where = `${path.join('.')} ${name}`
      const { source, ...event } = factOf(broken(notification as Json, path, odd))
      expect(event, where).toMatchObject({
        type: fact.type,
        account: fact.account,
        ...(fact.contact ? { contact: fact.contact } : {}),
        ...(fact.direction ? { direction: fact.direction } : {}),
        ...(fact.messageId ? { messageId: fact.messageId } : {}),
        ...(fact.providerMessageId ? { providerMessageId: fact.providerMessageId } : {}),
        ...(NAMED_BY_WHAT_THEY_SAY.has(typeWebhook) ? {} : { idempotencyKey: fact.idempotencyKey }),
      })
      // What is left out of the fact is noted beside it.
      if (name === 'of another type' && !TAKEN_IN_ANY_FORM.test(where) && !isDeepStrictEqual(event.data, whole))
        expect(source?.unread, where).toBeDefined()
    }
  }
})

/** What is taken over in more than one form, or in any. */
const TAKEN_IN_ANY_FORM = /messageData\.(orderMessage|productMessage)|singleSelectReply|inviteExpiration/

describe('a part that is required', () => {
  it('is required: without it the notification is quarantined, or is of another contact', () => {
    for (const { notification, fact } of ROWS) {
      for (const path of Object.keys(REQUIRED[notification.typeWebhook as string] ?? {})) {
        if (pathsIn(notification).every((known) => known.join('.') !== path)) continue
        let key: string | undefined
        try {
          key = parse(broken(notification as Json, path.split('.'), MISSING))[0]?.idempotencyKey
        } catch {
          continue
        }
        const isKnownByItsWriter = path === 'senderData.chatId' && fact.direction === 'inbound'
        const isKnownByItsId = path === 'chatId' && notification.typeWebhook === 'outgoingMessageStatus'
        expect(isKnownByItsWriter || isKnownByItsId, `${notification.typeWebhook as string} ${path} ${key}`).toBe(true)
      }
    }
  })
})
