import { listPage } from './api/list-records.ts'
import type { CheckedOptions, EspoEntityType } from './options.ts'
import { whereOtherScripts } from './where-held.ts'

/** Few CRMs hold such numbers, and those that do hold them for long. */
const KNOWN_FOR_MS = 600_000

/** Whether a type has numbers in the digits of other scripts. To search for these costs four times the characters of a URL. */
export class OtherScripts {
  readonly #options: CheckedOptions
  readonly #known = new Map<EspoEntityType, { readonly held: boolean; readonly at: number }>()

  constructor(options: CheckedOptions) {
    this.#options = options
  }

  /** As it was at most 10 minutes ago. Yes, once known, is for good. */
  async areHeld(entityType: EspoEntityType, signal: AbortSignal): Promise<boolean> {
    const now = this.#options.now()
    const known = this.#known.get(entityType)
    if (known && (known.held || now - known.at < KNOWN_FOR_MS)) return known.held
    const rows = await listPage(this.#options, entityType, { where: whereOtherScripts(), select: ['id'], offset: 0, maxSize: 1, signal })
    this.#known.set(entityType, { held: rows.length > 0, at: now })
    return rows.length > 0
  }
}
