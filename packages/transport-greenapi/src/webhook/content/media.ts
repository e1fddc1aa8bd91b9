import type { Media } from '@pipe-comms/core'
import { z } from 'zod'
import { boolean, present, text } from '../notification.ts'
import { type ContentReaders, content, forwardedOf, forwarding } from './reader.ts'
import { meaningOfCode, readText } from './text-code.ts'

const fileSchema = z.looseObject({
  fileMessageData: z
    .looseObject({
      downloadUrl: text,
      caption: text,
      fileName: text,
      mimeType: text,
      isAnimated: boolean,
      ...forwarding,
    })
    .nullish(),
})
type File = Partial<NonNullable<z.output<typeof fileSchema>['fileMessageData']>>

/** https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/ImageMessage/ */
export const MEDIA: ContentReaders = {
  imageMessage: file(() => 'image'),
  videoMessage: file(() => 'video'),
  documentMessage: file(() => 'document'),
  stickerMessage: file(() => 'sticker'),
  // A voice note is told from other sounds by its encoding alone.
  audioMessage: file(({ mimeType = '' }) => (/^audio\/ogg.*codecs=opus/i.test(mimeType) ? 'voice' : 'audio')),
}

function file(kindOf: (file: File) => Media['kind']) {
  return content(fileSchema, ({ fileMessageData }) => {
    const data: File = fileMessageData ?? {}
    const { fileName, mimeType } = data
    const caption = readText(data.caption)
    return {
      media: [
        {
          kind: kindOf(data),
          ...whereabouts(data.downloadUrl),
          ...present({ mimeType, fileName, caption: caption.text, animated: data.isAnimated || undefined }),
        },
      ],
      ...present({ flags: caption.flag === undefined ? undefined : [caption.flag], forwarded: forwardedOf(data) }),
    }
  })
}

/** In the place of the URL may be a code, such as `{{SWE002}}` for a file that Green-API does not take. */
function whereabouts(downloadUrl: string | undefined): Pick<Media, 'url' | 'unavailable'> {
  if (downloadUrl === undefined) return { unavailable: 'no download URL' }
  const unavailable = meaningOfCode(downloadUrl)
  return unavailable === undefined ? { url: downloadUrl } : { unavailable }
}
