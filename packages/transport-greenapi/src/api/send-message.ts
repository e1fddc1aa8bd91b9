import { optionsFor } from '../message-options.ts'
import { type Draft, rejected, type SendCall } from './draft.ts'

/** https://green-api.com/en/docs/api/sending/SendMessage/ */
const MAX_CHARACTERS = 20_000

export function sendMessage({ content, common, options }: Draft): SendCall {
  const { text = '' } = content
  if (text === '' || text.length > MAX_CHARACTERS)
    throw rejected(`expected a text of 1 to ${MAX_CHARACTERS} characters, got ${text.length}`)
  return {
    method: 'sendMessage',
    body: { ...common, message: text, ...optionsFor('sendMessage', ['typingTime', 'linkPreview', 'typePreview'], options) },
  }
}
