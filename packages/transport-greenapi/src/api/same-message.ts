import type { SendCall } from './draft.ts'
import type { JournalMessage, QueuedMessage } from './outgoing-record.ts'

/** Whether a recorded message is the one we tried to send. `unclear` is what may be it and cannot be told. */
export type Sameness = 'same' | 'other' | 'unclear'

const FILE_METHODS = /^sendfileby(url|upload)$/i

/** The queue keeps the call as we made it, or nearly. */
export function sameAsQueued({ method, body }: SendCall, { type, body: theirs }: QueuedMessage): Sameness {
  if (typeof theirs.chatId !== 'string') return 'unclear'
  const chat = sameChat(String(body.chatId), theirs.chatId)
  if (chat === 'other') return 'other'
  if (FILE_METHODS.test(method) && FILE_METHODS.test(type)) return weaker(chat, sameFile(body, theirs))
  if (type.toLowerCase() !== method.toLowerCase()) return 'other'
  if (method === 'sendMessage') return weaker(chat, compare(theirs.message, body.message))
  const same = Object.entries(body).every(([name, value]) => JSON.stringify(theirs[name]) === JSON.stringify(value))
  return same ? chat : 'unclear'
}

/** The journal keeps the message that the call made: its kind and its words. */
export function sameAsRecorded({ method, body }: SendCall, entry: JournalMessage): Sameness {
  if (entry.sendByApi === false) return 'other'
  const chat = entry.chatId == null ? 'unclear' : sameChat(String(body.chatId), entry.chatId)
  if (chat === 'other') return 'other'
  // Its words are no longer those that were sent.
  if (entry.isEdited || entry.isDeleted) return 'unclear'
  return weaker(chat, sameContent(method, body, entry))
}

/** Both must be the same for the message to be the same. */
function weaker(a: Sameness, b: Sameness): Sameness {
  if (a === 'other' || b === 'other') return 'other'
  return a === 'same' ? b : 'unclear'
}

/** A number may be recorded as a privacy id, or in WhatsApp's own spelling of it (Brazil, Mexico, Argentina). */
function sameChat(ours: string, recorded: string): Sameness {
  if (ours === recorded) return 'same'
  const [user = '', server] = ours.split('@')
  const [otherUser = '', otherServer] = recorded.split('@')
  if (server === 'g.us' || otherServer === 'g.us') return 'other'
  if (server !== otherServer) return 'unclear'
  const tail = user.slice(-8)
  return server === 'c.us' && user.slice(0, 2) === otherUser.slice(0, 2) && otherUser.endsWith(tail) ? 'unclear' : 'other'
}

const TEXTS = new Set(['textMessage', 'extendedTextMessage', 'quotedMessage'])
const FILES = new Set(['imageMessage', 'videoMessage', 'audioMessage', 'documentMessage', 'stickerMessage'])

function sameContent(method: string, body: SendCall['body'], entry: JournalMessage): Sameness {
  if (entry.typeMessage === '') return 'unclear'
  switch (method) {
    case 'sendMessage':
      return TEXTS.has(entry.typeMessage) ? compare(textOf(entry), body.message) : 'other'
    case 'sendFileByUrl':
    case 'sendFileByUpload':
      return FILES.has(entry.typeMessage) ? sameFile(body, entry) : 'other'
    case 'sendLocation':
      return entry.typeMessage === 'locationMessage' ? samePlace(body, record(entry.location ?? entry.locationMessageData)) : 'other'
    case 'sendPoll':
      return entry.typeMessage === 'pollMessage' ? compare(record(entry.pollMessageData).name, body.message) : 'other'
    case 'sendContact':
      return entry.typeMessage === 'contactMessage' ? 'unclear' : 'other'
    case 'sendInteractiveButtons':
    case 'sendInteractiveButtonsReply':
      return /button/i.test(entry.typeMessage) || TEXTS.has(entry.typeMessage) ? 'unclear' : 'other'
    default:
      // A forwarded message is recorded as the message it passes on.
      return 'unclear'
  }
}

function textOf(entry: JournalMessage): unknown {
  return entry.textMessage ?? record(entry.extendedTextMessage).text ?? record(entry.extendedTextMessageData).text
}

/** Pictures are recorded without the name of their file. */
function sameFile(body: SendCall['body'], entry: Record<string, unknown>): Sameness {
  const caption = compare(entry.caption ?? '', body.caption ?? '')
  if (caption !== 'same') return caption
  return entry.fileName === undefined || entry.fileName === '' ? 'unclear' : compare(entry.fileName, body.fileName)
}

const NEAR_DEGREES = 1e-5

function samePlace(body: SendCall['body'], place: Record<string, unknown>): Sameness {
  if (typeof place.latitude !== 'number' || typeof place.longitude !== 'number') return 'unclear'
  const near = (a: unknown, b: number) => Math.abs(Number(a) - b) < NEAR_DEGREES
  return near(body.latitude, place.latitude) && near(body.longitude, place.longitude) ? 'same' : 'other'
}

/** White space around, kinds of line ends and composed letters may change on the way. */
function compare(recorded: unknown, ours: unknown): Sameness {
  if (typeof recorded !== 'string') return 'unclear'
  const plain = (text: string) => text.normalize('NFC').replace(/\r\n/g, '\n').trim()
  return plain(recorded) === plain(String(ours)) ? 'same' : 'other'
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
