import type { Draft, SendCall } from './draft.ts'

/** https://green-api.com/en/docs/api/sending/SendLocation/ */
export function sendLocation({ content, common }: Draft): SendCall {
  const { latitude, longitude, name, address } = content.location as NonNullable<typeof content.location>
  return {
    method: 'sendLocation',
    body: { ...common, latitude, longitude, ...(name ? { nameLocation: name } : {}), ...(address ? { address } : {}) },
  }
}
