/**
 * Something that goes wrong on demand. `on` is a method of the API (`sendMessage`) or `notification`. It happens on every `every`-th
 * matching call or notification (default 1), `times` times (default 1; `Infinity` for ever).
 *
 * | `do` | what happens |
 * |---|---|
 * | `answer` | the call is not carried out and answered with this status, body and headers |
 * | `accept-then-answer` | the call is carried out, and answered with this |
 * | `accept-then-hang` | the call is carried out and never answered |
 * | `hang` | the call is neither carried out nor answered |
 * | `drop` | the connection is cut before the call is carried out |
 * | `accept-then-drop` | the connection is cut after it |
 * | `delay` | the call waits, or the notification comes later, by `delayMs` milliseconds of the real service |
 * | `duplicate` | the notification comes twice |
 * | `reorder` | the notification comes after the one that follows it |
 * | `unknown-type` | a notification of a type that nobody knows comes before it |
 * | `malformed` | a notification that is no JSON comes before it |
 */
export type GreenApiFault = { readonly on: string; readonly every?: number; readonly times?: number } & (
  | {
      readonly do: 'answer' | 'accept-then-answer'
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly do: 'accept-then-hang' | 'hang' | 'drop' | 'accept-then-drop' | 'duplicate' | 'reorder' | 'unknown-type' | 'malformed' }
  | { readonly do: 'delay'; readonly delayMs: number }
)

export interface Faults {
  add(fault: GreenApiFault): void
  /** The faults that strike this call or notification. */
  strike(on: string): readonly GreenApiFault[]
}

export function createFaults(): Faults {
  const planned: { fault: GreenApiFault; seen: number; left: number }[] = []
  return {
    add(fault) {
      planned.push({ fault, seen: 0, left: fault.times ?? 1 })
    },
    strike(on) {
      const struck: GreenApiFault[] = []
      for (const plan of planned) {
        if (plan.fault.on !== on || plan.left === 0) continue
        plan.seen += 1
        if (plan.seen % (plan.fault.every ?? 1) !== 0) continue
        plan.left -= 1
        struck.push(plan.fault)
      }
      return struck
    },
  }
}
