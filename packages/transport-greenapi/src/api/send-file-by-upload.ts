import { CommsError, isCommsError, type OpenedMedia } from '@pipe-comms/core'
import { type Draft, rejected, type SendCall } from './draft.ts'
import type { InstanceApi } from './instance.ts'
import { checkSize, mediaFile } from './media-file.ts'
import { type MultipartForm, multipartForm } from './multipart.ts'

/**
 * A file whose bytes go through us to Green-API's media host. The answer names where Green-API keeps it for 15 days.
 * https://green-api.com/en/docs/api/sending/SendFileByUpload/
 */
export function sendFileByUpload({ content, common, message }: Draft): SendCall {
  const { media, fileName, caption } = mediaFile(content)
  if (media.ref === undefined || !message.openMedia)
    throw rejected('expected a file with a URL, or one that can be opened (ref and openMedia)')
  return { method: 'sendFileByUpload', body: { ...common, fileName, ...(caption === undefined ? {} : { caption }) } }
}

/** The call as a form: the file streams from its owner to Green-API and is never held whole. */
export async function uploadForm(
  { options }: InstanceApi,
  { content, message }: Draft,
  fields: SendCall['body'],
  signal: AbortSignal,
): Promise<MultipartForm> {
  const { media, fileName } = mediaFile(content)
  let opened: OpenedMedia | undefined
  try {
    opened = await message.openMedia?.(media, { signal })
  } catch (error) {
    if (isCommsError(error)) throw error
  }
  if (!opened) throw new CommsError('send_unavailable', `Green-API: the file ${fileName} could not be opened`)
  const { stream, sizeBytes } = opened
  try {
    checkSize(sizeBytes)
  } catch (error) {
    await stream.cancel().catch(() => {})
    throw error
  }
  const file = { field: 'file', fileName, mimeType: media.mimeType ?? 'application/octet-stream', stream }
  const size = sizeBytes === undefined ? {} : { sizeBytes }
  return multipartForm(fields as Record<string, string>, { ...file, ...size }, `pipe-comms-${options.ids.next()}`)
}
