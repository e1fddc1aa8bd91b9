import { optionsFor } from '../message-options.ts'
import { type Draft, rejected, type SendCall } from './draft.ts'
import { mediaFile } from './media-file.ts'

/** A file that Green-API fetches itself. https://green-api.com/en/docs/api/sending/SendFileByUrl/ */
export function sendFileByUrl({ content, common, options }: Draft): SendCall {
  const { media, fileName, caption } = mediaFile(content)
  const { url = '' } = media
  if (!/^https?:\/\//i.test(url)) throw rejected('expected a file with an http or https URL')
  return {
    method: 'sendFileByUrl',
    body: {
      ...common,
      urlFile: url,
      fileName,
      ...(caption === undefined ? {} : { caption }),
      ...optionsFor('sendFileByUrl', ['typingTime', 'typingType'], options),
    },
  }
}
