import { headOf, type WebhookRequest } from '../transport/webhook-request.ts'

/** The request as a transport or directory gets it, whatever its body is. */
export async function readRequest(request: Request): Promise<WebhookRequest> {
  return { ...headOf(request), body: new Uint8Array(await request.arrayBuffer()) }
}
