import { compareText } from '../consumers/fact-order.ts'
import type { LeadMatch } from '../events/message-event.ts'
import type { Certainty } from './address-match.ts'
import type { Lead } from './lead-directory.ts'

/** The order in which records of one address are preferred: those worked on before those that are history, people before companies. */
const ORDER: readonly { readonly name: string; readonly fits: (lead: Lead) => boolean }[] = [
  { name: 'open-lead', fits: ({ kind, stage }) => kind === 'lead' && stage === 'open' },
  { name: 'contact', fits: ({ kind, stage }) => kind === 'contact' && stage !== 'closed' },
  { name: 'account', fits: ({ kind, stage }) => kind === 'account' && stage !== 'closed' },
  { name: 'converted-lead', fits: ({ stage }) => stage === 'converted' },
]

const CERTAINTIES: readonly Certainty[] = ['certain', 'probable', 'possible']
const MOST_CANDIDATES = 20

/**
 * The lead among the records that hold an address: an open lead, then a contact, an account, a converted lead, and last what was given up;
 * among equals one whose address matches more surely, then the one changed last, then by id, so that everybody chooses the same. With
 * more than one party the tie says so: its rule names what decided, its certainty is no more than `probable`, or `possible` when only the
 * date did, and all are listed as candidates. Nothing for no records.
 */
export function chooseLead(directory: string, found: readonly Lead[]): LeadMatch | undefined {
  const sorted = [...found].sort(compareLeads)
  const [best, ...others] = sorted
  if (!best) return undefined
  // A lead and the contact it became are one party: finding both is no doubt.
  const rivals = others.filter((other) => !other.becameIds?.includes(best.id) && !best.becameIds?.includes(other.id))
  const equal = rivals.some((other) => rankOf(other) === rankOf(best))
  const doubt: Certainty = rivals.length === 0 ? 'certain' : equal ? 'possible' : 'probable'
  const decided = rivals.length === 0 ? '' : equal ? '+most-recent' : `+${ORDER[rankOf(best)]?.name ?? 'closed'}-first`
  return {
    ...nameOf(best),
    directory,
    rule: `${best.match.rule}${decided}`,
    certainty: worse(best.match.certainty, doubt),
    ...(sorted.length === 1 ? {} : { candidates: sorted.slice(0, MOST_CANDIDATES).map(nameOf) }),
  }
}

function compareLeads(a: Lead, b: Lead): number {
  return (
    rankOf(a) - rankOf(b) ||
    CERTAINTIES.indexOf(a.match.certainty) - CERTAINTIES.indexOf(b.match.certainty) ||
    compareText(b.modifiedAt ?? '', a.modifiedAt ?? '') ||
    compareText(a.id, b.id)
  )
}

function rankOf(lead: Lead): number {
  const rank = ORDER.findIndex(({ fits }) => fits(lead))
  return rank < 0 ? ORDER.length : rank
}

function worse(a: Certainty, b: Certainty): Certainty {
  return CERTAINTIES[Math.max(CERTAINTIES.indexOf(a), CERTAINTIES.indexOf(b))] as Certainty
}

function nameOf({ id, type, name }: Lead): { id: string; type?: string; name?: string } {
  return { id, ...(type === undefined ? {} : { type }), ...(name ? { name } : {}) }
}
