import type { EventFact, WebhookRequest } from '@pipe-comms/core'
import { parseInboundMail } from '../inbound/parse-inbound-mail.ts'
import type { CheckedOptions } from '../options.ts'

/** The facts in a mail that was posted whole, as `message/rfc822`. @throws CommsError `webhook_unparsable` */
export function parsePostedMail(
  request: WebhookRequest,
  { account, from, unsubscribe, recipientOf, authservId }: CheckedOptions,
): Promise<readonly EventFact[]> {
  const mailto = typeof unsubscribe === 'object' ? unsubscribe.mailto : undefined
  return parseInboundMail(request.body, {
    account,
    address: from.value,
    via: 'webhook',
    ...(recipientOf === undefined ? {} : { recipientOf }),
    ...(authservId === undefined ? {} : { authservId }),
    ...(mailto === undefined ? {} : { unsubscribeMailto: mailto }),
  })
}
