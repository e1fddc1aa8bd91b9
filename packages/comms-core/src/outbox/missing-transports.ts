import { CommsError } from '../errors.ts'
import type { Transport } from '../transport/transport.ts'
import type { Live } from './outbox-memory.ts'
import { type OutboxWork, reportProblem } from './outbox-work.ts'

/** The messages whose transport is not configured any more. They are not sent, but they expire, end by opt-out and fall back as all others. */
export class MissingTransports {
  readonly #waiting = new Map<string, Set<Live>>()

  /** Notes a message that could be sent now. Says so for the first one of each transport. */
  note(live: Live, work: OutboxWork): void {
    const waiting = this.#waiting.get(live.transportId)
    if (waiting) waiting.add(live)
    else {
      this.#waiting.set(live.transportId, new Set([live]))
      const remedy = 'configure it again, or let them expire'
      reportProblem(work, live, 'no-transport', `messages wait for a transport "${live.transportId}", and there is none; ${remedy}`)
    }
  }

  forget(live: Live): void {
    this.#waiting.get(live.transportId)?.delete(live)
  }

  /** How many messages wait, by the id of the transport. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#waiting].flatMap(([id, lives]) => (lives.size > 0 ? [[id, lives.size]] : [])))
  }
}

/** In place of a transport that is not there: facts about its messages can be recorded, and nothing can be sent or asked. */
export function missingTransport({ transportId, entry: { request } }: Live): Transport {
  const { channel, provider, account } = request
  return {
    id: transportId,
    channel,
    provider,
    account: account as string,
    send: () => Promise.reject(new CommsError('send_unavailable', `there is no transport "${transportId}"`)),
  }
}
