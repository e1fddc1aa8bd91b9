import { type Draft, rejected, type SendCall } from './draft.ts'

/** https://green-api.com/en/docs/api/sending/SendPoll/ */
const MIN_OPTIONS = 2
const MAX_OPTIONS = 12

export function sendPoll({ content, common }: Draft): SendCall {
  const { question, options, multipleAnswers } = content.poll as NonNullable<typeof content.poll>
  if (question === '') throw rejected('expected a poll with a question')
  if (options.length < MIN_OPTIONS || options.length > MAX_OPTIONS || new Set(options).size < options.length || options.includes(''))
    throw rejected(`expected a poll with ${MIN_OPTIONS} to ${MAX_OPTIONS} different options, got ${options.length}`)
  return {
    method: 'sendPoll',
    body: {
      ...common,
      message: question,
      options: options.map((optionName) => ({ optionName })),
      ...(multipleAnswers === undefined ? {} : { multipleAnswers }),
    },
  }
}
