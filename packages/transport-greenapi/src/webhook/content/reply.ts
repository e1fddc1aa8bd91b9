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
  const schema = z.looseObject(Object.fromEntries(keys.map((key) => [key, choiceSchema.nullish()])))
  return content(schema, (data) => {
    const chosen = keys.map((key) => data[key] as z.output<typeof choiceSchema> | null | undefined).find(Boolean)
    if (!chosen) return {}
    const { stanzaId, selectedIndex } = chosen
    const id = chosen.selectedId ?? chosen.selectedButtonId
    const title = chosen.selectedDisplayText ?? chosen.selectedButtonText
    return {
      reply: { kind, ...present({ id, title, ofProviderMessageId: stanzaId }) },
      ...present({ extra: typeof selectedIndex === 'number' ? { selectedIndex } : undefined }),
    }
  })
}
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
      listResponseMessage: z
        .looseObject({
          stanzaId: text,
          title: text,
          // The id of the row, as a text or in an object.
          singleSelectReply: z
            .union([text, z.looseObject({ selectedRowId: text }).transform(({ selectedRowId }) => selectedRowId)])
            .optional(),
        })
        .nullish(),
    }),
    ({ listResponseMessage: chosen }) => {
      if (!chosen) return {}
      const { stanzaId, title, singleSelectReply: id } = chosen
      return { reply: { kind: 'list', ...present({ id, title, ofProviderMessageId: stanzaId }) } }
    },
  ),
}
