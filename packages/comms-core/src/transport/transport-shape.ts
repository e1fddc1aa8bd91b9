import { callback, filledText, listOf, methodsOption, nameOption, part, pathOption, trueOrFalse, wholeNumber } from '../check-options.ts'

/**
 * What the parts of a transport must be. It may have others besides, such as methods of its own, and be of any class.
 */
export const transportSchema = part('a Transport', {
  id: nameOption,
  channel: filledText('the name of a channel'),
  provider: filledText("the provider's name").optional(),
  account: filledText("the provider's name for the account"),
  send: callback,
  check: callback.optional(),
  sendLimits: listOf('limits', part('a limit', { messages: wholeNumber(1), perMs: wholeNumber(1) })).optional(),
  webhooks: listOf('webhook endpoints', endpointSchema()).optional(),
  inbox: part('an inbox', { receive: callback, parse: callback }).optional(),
  reconciler: part('a reconciler', { reconcile: callback }).optional(),
  probe: part('a probe', { check: callback }).optional(),
  close: callback.optional(),
})

function endpointSchema() {
  return part('a webhook endpoint', {
    path: pathOption,
    methods: methodsOption,
    verify: callback,
    parse: callback,
    authorize: callback.optional(),
    acknowledge: callback.optional(),
    allowEmptyBody: trueOrFalse.optional(),
  })
}
