import { z } from 'zod'
import { present, text } from '../notification.ts'
import { type ContentReaders, content } from './reader.ts'

/** A choice, in both spellings of its fields. */
const choiceSchema = z.looseObject({
  stanzaId: text,
  selectedId: text,
  selectedDisplayText: text,
  selectedButtonId: text,
  selectedButtonText: text,
  selectedIndex: z.number().nullish(),
})

/** A reader of the choice that lies under the first of these keys that is there. */
function choice(kind: 'button' | 'template', ...keys: readonly [string, ...string[]]) {
  const [first, ...others] = keys.map((key) => z.looseObject({ [key]: choiceSchema }).transform((data) => data[key]))
  return content(z.union([first, ...others] as [Keyed, ...Keyed[]]), (chosen) => {
    const { stanzaId, selectedIndex } = chosen
    const id = chosen.selectedId ?? chosen.selectedButtonId
    const title = chosen.selectedDisplayText ?? chosen.selectedButtonText
    return {
      reply: { kind, ...present({ id, title, ofProviderMessageId: stanzaId }) },
      ...present({ extra: typeof selectedIndex === 'number' ? { selectedIndex } : undefined }),
    }
  })
}
type Keyed = z.ZodType<z.output<typeof choiceSchema>>

/** The page of template buttons writes plural and singular for one thing. */
const templateChoice = choice('template', 'templateButtonReplyMessage', 'templateButtonsReplyMessage')

/** What chooses. https://green-api.com/en/docs/api/receiving/notifications-format/selected-buttons/ButtonsResponseMessage/ */
export const REPLIES: ContentReaders = {
  buttonsResponseMessage: choice('button', 'buttonsResponseMessage'),
  interactiveButtonsResponse: choice('button', 'interactiveButtonsResponse'),
  templateButtonsReplyMessage: templateChoice,
  templateButtonReplyMessage: templateChoice,

  listResponseMessage: content(
    z.looseObject({
      listResponseMessage: z.looseObject({
        stanzaId: text,
        title: text,
        // The id of the row, as a text or in an object.
        singleSelectReply: z.union([text, z.looseObject({ selectedRowId: text }).transform(({ selectedRowId }) => selectedRowId)]),
      }),
    }),
    ({ listResponseMessage: { stanzaId, title, singleSelectReply: id } }) => ({
      reply: { kind: 'list', ...present({ id, title, ofProviderMessageId: stanzaId }) },
    }),
  ),
}
