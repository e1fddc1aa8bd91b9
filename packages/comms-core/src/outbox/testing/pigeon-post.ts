import { CommsError } from '../../errors.ts'
import type { OutboundMessage, SendLimit, SendReceipt, Transport } from '../../transport/transport.ts'

export type Answer = 'take' | 'reject' | 'opted-out' | 'unavailable' | 'busy' | 'misconfigured' | 'hang-after-taking' | 'lose-before-taking'

/** A provider that does as it is told, and remembers what it took. */
export class PigeonPost {
  /** What it took, in order: our ids. */
  readonly taken: string[] = []
  readonly asked: string[] = []
  inFlight = 0
  mostInFlight = 0
  /** How it answers next, one by one; then it takes. */
  answers: Answer[] = []
  reachable = true
  readonly transport: Transport

  constructor(
    options: {
      id?: string
      channel?: string
      reconciles?: boolean
      sendLimits?: readonly SendLimit[]
      check?: (message: OutboundMessage) => void
      pause?: () => Promise<void>
    } = {},
  ) {
    const { id = 'pigeon', channel = 'pigeon', reconciles = true, sendLimits, check, pause = async () => {} } = options
    this.transport = {
      id,
      channel,
      account: 'loft',
      ...(sendLimits ? { sendLimits } : {}),
      ...(check ? { check } : {}),
      send: async (message, { signal }) => {
        this.inFlight += 1
        this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
        try {
          await pause()
          return await this.#answer(message, signal)
        } finally {
          this.inFlight -= 1
        }
      },
      ...(reconciles
        ? {
            reconciler: {
              reconcile: async ({ messageId }: OutboundMessage) => {
                this.asked.push(messageId)
                if (!this.reachable) throw new Error('no road to the loft')
                return this.taken.includes(messageId) ? this.receiptOf(messageId) : 'not-sent'
              },
            },
          }
        : {}),
    }
  }

  receiptOf(messageId: string): SendReceipt {
    return { providerMessageId: `p-${messageId}` }
  }

  async #answer({ messageId }: OutboundMessage, signal: AbortSignal): Promise<SendReceipt> {
    const answer = this.answers.shift() ?? 'take'
    switch (answer) {
      case 'take':
        this.taken.push(messageId)
        return this.receiptOf(messageId)
      case 'reject':
        throw new CommsError('send_rejected', 'no such loft', { failure: 'recipient', providerCode: '404' })
      case 'opted-out':
        throw new CommsError('send_rejected', 'wants no pigeons', { failure: 'policy', providerCode: '21610', optedOut: true })
      case 'unavailable':
        throw new CommsError('send_unavailable', 'storm')
      case 'busy':
        throw new CommsError('send_unavailable', 'too many pigeons', { retryAfterMs: 30_000 })
      case 'misconfigured':
        throw new CommsError('transport_misconfigured', 'no ring')
      case 'hang-after-taking':
        this.taken.push(messageId)
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw new CommsError('send_uncertain', 'did not come back')
      case 'lose-before-taking':
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw new CommsError('send_uncertain', 'did not come back')
    }
  }
}
