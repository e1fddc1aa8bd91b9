import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { present, text } from '../notification.ts'
import { type ContentReaders, content, forwardedOf, forwarding } from './reader.ts'

const label = z
  .string()
  .nullish()
  .transform((value) => value ?? '')

const interactiveSchema = z.looseObject({
  titleText: text,
  contentText: text,
  footerText: text,
  buttons: z
    .array(
      z.looseObject({
        type: z.enum(['reply', 'url', 'call', 'copy']).nullish(),
        buttonId: text,
        buttonText: label,
        copyCode: text,
        phoneNumber: text,
        url: text,
      }),
    )
    .nullish(),
})

/** The pages of one of the two kinds show the name of the other, so either goes with either key. */
const interactive = content(
  z.looseObject({ interactiveButtons: interactiveSchema.nullish(), interactiveButtonsReply: interactiveSchema.nullish() }),
  ({ interactiveButtons, interactiveButtonsReply }) => {
    const offered = interactiveButtons ?? interactiveButtonsReply
    if (!offered) return {}
    const { titleText: title, contentText: body, footerText: footer, buttons } = offered
    return {
      buttons: {
        ...present({ title, body, footer }),
        items: (buttons ?? []).map(({ type, buttonId: id, buttonText, copyCode, phoneNumber, url }) => ({
          title: buttonText,
          ...present({ id, kind: type ?? undefined, value: copyCode ?? phoneNumber ?? url }),
        })),
      },
    }
  },
)

const templateButton = z.looseObject({
  urlButton: z.looseObject({ displayText: label, url: text }).nullish(),
  callButton: z.looseObject({ displayText: label, phoneNumber: text }).nullish(),
  quickReplyButton: z.looseObject({ displayText: label, id: text }).nullish(),
})

const sectionSchema = z.looseObject({
  title: text,
  rows: z.array(z.looseObject({ title: label, rowId: text, description: text })).nullish(),
})

/** What offers a choice. https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/ButtonsMessage/ */
export const BUTTONS: ContentReaders = {
  buttonsMessage: content(
    z.looseObject({
      buttonsMessage: z
        .looseObject({
          contentText: text,
          footer: text,
          buttons: z.array(z.looseObject({ buttonId: text, buttonText: label })).nullish(),
          ...forwarding,
        })
        .nullish(),
    }),
    ({ buttonsMessage }) => {
      if (!buttonsMessage) return {}
      const { contentText: body, footer, buttons, ...data } = buttonsMessage
      return {
        buttons: {
          ...present({ body, footer }),
          items: (buttons ?? []).map(({ buttonId: id, buttonText }) => ({ title: buttonText, kind: 'reply' as const, ...present({ id }) })),
        },
        ...present({ forwarded: forwardedOf(data) }),
      }
    },
  ),

  listMessage: content(
    z.looseObject({
      listMessage: z
        .looseObject({
          contentText: text,
          title: text,
          footer: text,
          buttonText: text,
          sections: z.array(sectionSchema).nullish(),
          ...forwarding,
        })
        .nullish(),
    }),
    ({ listMessage }) => {
      if (!listMessage) return {}
      const { contentText: body, title, footer, buttonText: buttonTitle, sections, ...data } = listMessage
      return {
        list: {
          ...present({ title, body, footer, buttonTitle }),
          sections: (sections ?? []).map((section) => ({
            ...present({ title: section.title }),
            rows: (section.rows ?? []).map((row) => ({ title: row.title, ...present({ id: row.rowId, description: row.description }) })),
          })),
        },
        ...present({ forwarded: forwardedOf(data) }),
      }
    },
  ),

  templateMessage: content(
    z.looseObject({
      templateMessage: z
        .looseObject({
          namespace: text,
          elementName: text,
          contentText: text,
          footer: text,
          buttons: z.array(templateButton).nullish(),
          ...forwarding,
        })
        .nullish(),
    }),
    ({ templateMessage }) => {
      if (!templateMessage) return {}
      const { namespace, elementName: name, contentText: body, footer, buttons, ...data } = templateMessage
      return {
        template: present({ namespace, name }),
        buttons: { ...present({ body, footer }), items: (buttons ?? []).flatMap(templateItems) },
        ...present({ forwarded: forwardedOf(data) }),
      }
    },
  ),

  interactiveButtons: interactive,
  interactiveButtonsReply: interactive,
}

type Item = NonNullable<MessageContent['buttons']>['items'][number]

function templateItems({ urlButton, callButton, quickReplyButton }: z.output<typeof templateButton>): Item[] {
  if (urlButton) return [{ title: urlButton.displayText, kind: 'url', ...present({ value: urlButton.url }) }]
  if (callButton) return [{ title: callButton.displayText, kind: 'call', ...present({ value: callButton.phoneNumber }) }]
  if (quickReplyButton) return [{ title: quickReplyButton.displayText, kind: 'reply', ...present({ id: quickReplyButton.id }) }]
  return []
}
