import { type OutboundMessage, parseContactAddress } from '@pipe-comms/core'
import { type GreenApiSimulator, type GreenApiSimulatorOptions, startGreenApiSimulator } from '@pipe-comms/simulators'
import { type GreenApiOptions, greenApiTransport } from '../index.ts'

export const API_TOKEN = 'api-token-for-tests'
export const WEBHOOK_TOKEN = 'webhook-token-for-tests'

/** A time that passes only when it is waited for. */
export function testClock(start = Date.now()) {
  const clock = {
    time: start,
    /** How far somebody has set it forward. */
    aheadMs: 0,
    now: () => clock.time + clock.aheadMs,
    monotonic: () => clock.time - start,
    sleep: async (ms: number) => {
      clock.time += ms
    },
  }
  return clock
}

/** A simulated instance, quick and without limits. */
export function simulatedInstance(options: GreenApiSimulatorOptions = {}): Promise<GreenApiSimulator> {
  return startGreenApiSimulator({ apiToken: API_TOKEN, speed: 1_000, rateLimits: false, ...options })
}

/** A transport to it, whose pauses take no time. */
export function transportTo({ url, idInstance }: Pick<GreenApiSimulator, 'url' | 'idInstance'>, options: Partial<GreenApiOptions> = {}) {
  const clock = testClock()
  return greenApiTransport({
    idInstance,
    apiToken: API_TOKEN,
    webhookToken: WEBHOOK_TOKEN,
    apiUrl: url,
    mediaUrl: url,
    clock,
    sleep: clock.sleep,
    ...options,
  })
}

export function outbound(content: OutboundMessage['content'], over: Partial<OutboundMessage> = {}): OutboundMessage {
  return { messageId: 'm-1', to: parseContactAddress('+33639980001'), content, ...over }
}

/** A signal that nobody aborts. */
export function running(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal }
}
