import { z } from 'zod'
import { awaited, callback, filledText, kindOf, listOf, textThat, trueOrFalse, wholeNumber } from '../check-options.ts'

/**
 * What the parts of a transport must be. It may have others besides, such as methods of its own, and be of any class.
 */
export const transportSchema = awaited('a Transport').pipe(
  z.looseObject(
    {
      id: textThat((id) => /^[a-z][a-z0-9-]*$/.test(id), 'lower-case letters, digits and dashes'),
      channel: filledText('the name of a channel'),
      provider: filledText("the provider's name").optional(),
      account: filledText("the provider's name for the account"),
      send: callback,
      check: callback.optional(),
      sendLimits: listOf('limits', z.looseObject({ messages: wholeNumber(1), perMs: wholeNumber(1) })).optional(),
      webhooks: listOf('webhook endpoints', endpointSchema()).optional(),
      inbox: part({ receive: callback, parse: callback }).optional(),
      reconciler: part({ reconcile: callback }).optional(),
      probe: part({ check: callback }).optional(),
      close: callback.optional(),
    },
    {
      error: ({ input }) => `expected a Transport, got ${kindOf(input)}`,
    },
  ),
)

function endpointSchema() {
  return part({
    path: textThat((path) => path.startsWith('/'), 'a path such as /webhooks/name'),
    methods: listOf(
      'HTTP methods',
      textThat((method) => /^[A-Z]+$/.test(method), 'a method in upper case, such as POST'),
      1,
    ),
    verify: callback,
    parse: callback,
    authorize: callback.optional(),
    acknowledge: callback.optional(),
    allowEmptyBody: trueOrFalse.optional(),
  })
}

function part(shape: z.ZodRawShape) {
  return z.looseObject(shape, { error: ({ input }) => `expected an object, got ${kindOf(input)}` })
}
