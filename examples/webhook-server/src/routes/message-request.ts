import { isCommsError, type MessageContent, parseContactAddress, type SendFallback, type SendRequest } from '@pipe-comms/core'
import { z } from 'zod'

/** No store and no provider can be relied on to keep these, and no message needs them. */
const CANNOT_BE_KEPT = 'expected text without NUL and without half surrogate pairs'
const text = z
  .string('expected a text')
  .min(1, 'expected a text that is not empty')
  .refine((value) => !value.includes('\0') && !/\p{Cs}/u.test(value), CANNOT_BE_KEPT)
/** What stands in a header, an id or a file's name. */
const line = (max: number) =>
  z
    .string('expected a text')
    .min(1, 'expected a text that is not empty')
    .max(max, `expected at most ${max} characters`)
    .refine((value) => !/[\p{Cc}\p{Cs}]/u.test(value), 'expected one line without control characters')

/** Longer keys are mistakes: a UUID has 36 characters. */
export const idempotencyKeySchema = line(255)
const instant = z.iso.datetime({ offset: true, error: 'expected an ISO 8601 time such as 2026-01-06T12:00:00Z' })
const channel = z.string('expected whatsapp, sms or email').regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected whatsapp, sms or email')

const media = z.strictObject(
  {
    kind: z.enum(['image', 'video', 'audio', 'voice', 'document', 'sticker'], 'expected a kind of file such as image').default('document'),
    url: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).max(2048, 'expected at most 2048 characters'),
    mimeType: line(255).optional(),
    fileName: line(255).optional(),
    caption: text.optional(),
  },
  'expected {url, kind?, mimeType?, fileName?, caption?}',
)

const content = {
  text: text.optional(),
  subject: line(998).optional(),
  html: text.optional(),
  media: list(media, 10).optional(),
}

/** What is too long is refused before each of its parts is looked at. */
function list<Item extends z.ZodType>(item: Item, max: number) {
  const expected = `expected a list of 1 to ${max}`
  return z.array(z.unknown(), expected).min(1, expected).max(max, expected).pipe(z.array(item))
}

/** The body of `POST /api/messages`, as what `comms.send` takes. */
export function messageRequestSchema(defaultRegion: string) {
  const to = line(512).transform((value, context) => {
    try {
      return parseContactAddress(value, { defaultRegion })
    } catch (error) {
      context.addIssue(isCommsError(error, 'address_invalid') ? error.message : 'expected an address')
      return z.NEVER
    }
  })

  const fallbackStep = z
    .strictObject({ channel, to, ...content, afterMs: z.int('expected milliseconds').positive('expected milliseconds').optional() })
    .transform(
      ({ channel, to, afterMs, ...given }): SendFallback => ({
        channel,
        to,
        ...(Object.values(given).some((part) => part !== undefined) ? { content: contentOf(given) } : {}),
        ...(afterMs === undefined ? {} : { afterMs }),
      }),
    )

  return z
    .strictObject(
      {
        channel,
        to,
        ...content,
        idempotencyKey: idempotencyKeySchema.optional(),
        fallback: list(fallbackStep, 5).optional(),
        replyTo: line(512).optional(),
        notBefore: instant.optional(),
        expiresAt: instant.optional(),
        onUncertain: z.enum(['report', 'resend'], 'expected report or resend').optional(),
      },
      'expected a JSON object',
    )
    .refine(({ text, html, media }) => text !== undefined || html !== undefined || media !== undefined, {
      path: ['text'],
      message: 'expected a text, html or media',
    })
    .refine(({ notBefore, expiresAt }) => !notBefore || !expiresAt || Date.parse(notBefore) < Date.parse(expiresAt), {
      path: ['expiresAt'],
      message: 'expected a time after notBefore',
    })
    .transform(
      ({ text, subject, html, media, ...rest }): SendRequest => ({
        ...withoutAbsent(rest),
        content: contentOf({ text, subject, html, media }),
      }),
    )
}

/** Seconds. Proxies give up on an answer after 60, nginx among them: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout */
const LONGEST_WAIT = 55
const seconds = `expected seconds, 1 to ${LONGEST_WAIT}`

/** The query of `POST /api/messages`. */
export const waitingSchema = z.strictObject({
  wait: z.enum(['sent', 'delivered'], 'expected sent or delivered').optional(),
  timeout: z.coerce.number(seconds).min(1, seconds).max(LONGEST_WAIT, seconds).default(30),
})

function contentOf(given: Readonly<Record<string, unknown>>): MessageContent {
  return withoutAbsent(given) as MessageContent
}

type Present<Type> = { [Key in keyof Type]: Exclude<Type[Key], undefined> }

/** zod leaves `undefined` where nothing was given. */
function withoutAbsent<Type extends object>(given: Type): Present<Type> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Present<Type>
}
