import { CommsError } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'
import { answerError } from './answer-error.ts'
import { callMethod, type MethodCall } from './call.ts'
import { rateLimits } from './rate-limits.ts'

/** Our side of one instance: its options, and its methods at a pace that it takes. */
export interface InstanceApi {
  readonly options: CheckedOptions
  /**
   * The text of a success answer, which may hold secrets.
   * @throws CommsError for every other answer, and when none came.
   */
  call(call: MethodCall): Promise<string>
}

export function instanceApi(options: CheckedOptions): InstanceApi {
  const limits = rateLimits(options)
  const never = new AbortController().signal
  return {
    options,
    async call(call) {
      try {
        await limits.take(call.method, call.signal ?? never)
      } catch {
        throw new CommsError('send_unavailable', `Green-API: ${call.method} was stopped before it began`)
      }
      const answer = await callMethod(options, call)
      if (answer.status < 200 || answer.status > 299) throw answerError(options, call, answer)
      return answer.text
    },
  }
}

/** What the text says when it is JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
