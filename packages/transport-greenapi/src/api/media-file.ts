import type { Media, MessageContent } from '@pipe-comms/core'
import { rejected } from './draft.ts'

const MAX_BYTES = 100 * 1_048_576
const MAX_CAPTION_CHARACTERS = 20_000

/** Kinds of message that have no caption on WhatsApp. https://developers.facebook.com/docs/whatsapp/cloud-api/messages/audio-messages */
const WITHOUT_CAPTION: ReadonlySet<Media['kind']> = new Set(['audio', 'voice', 'sticker'])

/** Extensions for files that come with a MIME type and no name. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'video/mp4': 'mp4',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/mp4': 'm4a',
  'application/pdf': 'pdf',
  'text/plain': 'txt',
  'text/csv': 'csv',
}

/** The one file of a message, with the name and the caption that go with it. */
export interface MediaFile {
  readonly media: Media
  /** With an extension: Green-API takes the kind of the message from it. */
  readonly fileName: string
  readonly caption?: string
}

/** @throws CommsError `send_rejected` for more than one file, one that is too large, or one whose kind nobody can tell. */
export function mediaFile({ media = [], text }: MessageContent): MediaFile {
  const [file, ...others] = media
  if (!file || others.length > 0) throw rejected(`a WhatsApp message holds one file, got ${media.length}`)
  if (file.caption !== undefined && text !== undefined) throw rejected('expected a caption or a text beside the file, got both')
  checkSize(file.sizeBytes)
  const caption = file.caption ?? text
  if (caption && WITHOUT_CAPTION.has(file.kind))
    throw rejected(`expected no words with ${file.kind}: WhatsApp shows none, send them as a message of their own`)
  if (caption !== undefined && caption.length > MAX_CAPTION_CHARACTERS)
    throw rejected(`expected a caption of at most ${MAX_CAPTION_CHARACTERS} characters, got ${caption.length}`)
  return { media: file, fileName: fileNameOf(file), ...(caption ? { caption } : {}) }
}

/** @throws CommsError `send_rejected` for a file that is known to be over 100 MB. */
export function checkSize(sizeBytes: number | undefined): void {
  if (sizeBytes !== undefined && sizeBytes > MAX_BYTES) throw rejected(`expected a file of at most ${MAX_BYTES} bytes, got ${sizeBytes}`)
}

function fileNameOf({ fileName, url, mimeType, kind }: Media): string {
  const named = [fileName, url && lastOfPath(url)].find((name) => name && /[^/\\]\.[a-z0-9]{1,8}$/i.test(name))
  if (named) return named
  const extension = EXTENSIONS[mimeType?.split(';')[0]?.trim().toLowerCase() ?? '']
  if (extension === undefined)
    throw rejected('expected a fileName with an extension, which decides the kind of the message, or a known mimeType')
  return `${fileName || kind}.${extension}`
}

function lastOfPath(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '')
  } catch {
    return undefined
  }
}
