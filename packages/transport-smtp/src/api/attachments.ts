import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { CommsError, type Media, type OutboundMessage } from '@pipe-comms/core'
import type { Attachment } from 'nodemailer/lib/mailer'
import type { CheckedOptions } from '../options.ts'

/**
 * The files of a message, as streams that are read once. Never by a path; by URL only when the options allow it.
 * @throws CommsError `send_rejected` for a file that cannot be had, `send_unavailable` when it cannot be opened now.
 */
export async function openAttachments(message: OutboundMessage, options: CheckedOptions, signal: AbortSignal): Promise<Attachment[]> {
  checkAttachments(message, options)
  const attachments: Attachment[] = []
  try {
    for (const item of message.content.media ?? [])
      attachments.push({ ...describe(item), content: await open(item, message, options, signal) })
    return attachments
  } catch (error) {
    closeAttachments(attachments)
    throw error
  }
}

/** Judges all of them before the first is opened. @throws CommsError `send_rejected` for a file that cannot be had. */
export function checkAttachments(message: OutboundMessage, options: CheckedOptions): void {
  for (const item of message.content.media ?? []) if (!isOpenable(item, message, options)) throw cannotBeHad(item, options)
}

/** For those that will not be sent after all. */
export function closeAttachments(attachments: readonly Attachment[]): void {
  for (const { content } of attachments) if (content instanceof Readable) content.destroy()
}

function isOpenable({ ref, url }: Media, { openMedia }: OutboundMessage, { allowAttachmentUrls }: CheckedOptions): boolean {
  return ref !== undefined ? openMedia !== undefined : url !== undefined && allowAttachmentUrls
}

function describe({ fileName, mimeType, contentId }: Media): Attachment {
  const valid = mimeType !== undefined && /^[\w.+-]+\/[\w.+-]+$/.test(mimeType)
  return {
    filename: fileName === undefined || fileName === '' ? false : fileName.replace(/[\p{Cc}/\\]/gu, '_'),
    ...(valid ? { contentType: mimeType } : fileName ? {} : { contentType: 'application/octet-stream' }),
    ...(contentId === undefined ? {} : { cid: contentId.replace(/[<>\s]/g, ''), contentDisposition: 'inline' as const }),
  }
}

async function open(item: Media, message: OutboundMessage, options: CheckedOptions, signal: AbortSignal): Promise<Readable> {
  const what = `attachment ${JSON.stringify(item.fileName ?? item.kind)}`
  let stream: ReadableStream | null
  try {
    if (item.ref !== undefined) stream = (await message.openMedia?.(item, { signal }))?.stream as ReadableStream
    else {
      const response = await options.fetch(readUrl(item.url as string), { redirect: 'error', signal })
      if (!response.ok) throw new Error(`the server answered ${response.status}`)
      stream = response.body as ReadableStream | null
    }
  } catch (error) {
    throw new CommsError('send_unavailable', options.redact(`SMTP: ${what} could not be opened (${(error as Error)?.message})`))
  }
  const readable = stream ? Readable.fromWeb(stream) : Readable.from([])
  // One that breaks before anybody reads it must not end the process; nodemailer sees it when it reads.
  readable.on('error', () => {})
  return readable
}

function readUrl(text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url
  throw new Error('expected an http or https URL')
}

function cannotBeHad({ kind, fileName, ref }: Media, { allowAttachmentUrls }: CheckedOptions): CommsError {
  const expected =
    ref !== undefined ? 'openMedia to open its ref' : allowAttachmentUrls ? 'a ref or a URL' : 'a ref (URLs need allowAttachmentUrls)'
  return new CommsError('send_rejected', `SMTP: ${kind} ${JSON.stringify(fileName ?? '')}: expected ${expected}`, { failure: 'content' })
}
