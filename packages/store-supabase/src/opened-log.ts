import { isLogId, notOfThisLog, type Position, placeIn, positionIn } from '@pipe-comms/core'
import { CallFailure, failureOfCode } from './call-failure.ts'
import type { RepeatingCalls } from './database-calls.ts'
import { unfitServer } from './server-version.ts'

interface Opening {
  readonly logId: string
  readonly server: string
}

/** The log behind the calls: its name stands in every position outside, and nowhere in the database but in one row. */
export class OpenedLog {
  readonly calls: RepeatingCalls
  readonly #logId: string

  constructor(calls: RepeatingCalls, logId: string) {
    this.calls = calls
    this.#logId = logId
  }

  /** The position of a place, which is twelve digits. */
  position(place: string): Position {
    return positionIn(this.#logId, place)
  }

  /** @throws CommsError `position_invalid` */
  placeOf(position: Position): string {
    const place = placeIn(this.#logId, String(position))
    if (place === undefined || !/^\d{12}$/.test(place)) throw this.notHere(position)
    return place
  }

  notHere(position: Position): Error {
    return notOfThisLog(`this log in ${this.calls.who}`, this.#logId, position)
  }
}

/**
 * Asks the database once which log it holds.
 * @throws CommsError `store_misconfigured` when there is none, or no PostgreSQL; `store_unavailable`.
 */
export async function openLog(calls: RepeatingCalls): Promise<OpenedLog> {
  const opening = await calls.call<Opening | null>('open_message_log', {})
  if (!isLogId(opening?.logId)) throw failureOfCode('PC003', 'the log has no identity').toCommsError(calls.who, 1)
  const unfit = unfitServer(opening.server)
  if (unfit) throw new CallFailure('store_misconfigured', unfit.problem, { remedy: unfit.remedy }).toCommsError(calls.who, 1)
  return new OpenedLog(calls, opening.logId)
}
