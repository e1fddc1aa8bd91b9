/** Where in the dialogue something goes wrong. */
export type SmtpStage = 'greeting' | 'login' | 'sender' | 'recipient' | 'message' | 'dot'

/**
 * What the simulated server does instead of its duty.
 *
 * | kind | does |
 * |---|---|
 * | `refuse` | answers this at the stage, such as `550 5.1.1 No such user`; with `address`, that sender or recipient alone. At `message` and `dot` alike: after the whole message |
 * | `greylist` | answers 451 to a recipient until `delayMs` have passed since its first try |
 * | `drop` | closes the connection at the stage; at `message` in its middle, at `dot` after all of it has come |
 * | `stall` | never answers at the stage |
 *
 * A message that ends in `drop` or `stall` at `dot` is in the inbox: the server took it, and the client cannot know.
 */
export type SmtpFault =
  | { readonly kind: 'refuse'; readonly at: SmtpStage; readonly reply: string; readonly address?: string }
  | { readonly kind: 'greylist'; readonly delayMs: number }
  | { readonly kind: 'drop'; readonly at: SmtpStage }
  | { readonly kind: 'stall'; readonly at: SmtpStage }

/** Faults in force, the latest first. */
export interface FaultBook {
  /** Puts a fault in force, for this many occasions or until the function that comes back is called. */
  add(fault: SmtpFault, times?: number): () => void
  clear(): void
  /** The fault for this occasion, which counts as one. */
  take(at: SmtpStage, address?: string): SmtpFault | undefined
  /** Occasions so far. */
  struck(): number
}

export function faultBook(): FaultBook {
  let entries: { fault: SmtpFault; left: number }[] = []
  let struck = 0
  return {
    add(fault, times = Number.POSITIVE_INFINITY) {
      const entry = { fault, left: times }
      entries.unshift(entry)
      return () => {
        entries = entries.filter((other) => other !== entry)
      }
    },
    clear() {
      entries = []
    },
    take(at, address) {
      const entry = entries.find(({ fault, left }) => left > 0 && concerns(fault, at, address))
      if (!entry) return undefined
      entry.left -= 1
      struck += 1
      return entry.fault
    },
    struck: () => struck,
  }
}

function concerns(fault: SmtpFault, at: SmtpStage, address: string | undefined): boolean {
  if (fault.kind === 'greylist') return at === 'recipient'
  if (fault.at !== at) return false
  return fault.kind !== 'refuse' || fault.address === undefined || fault.address === address
}
