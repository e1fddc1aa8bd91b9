import type { RecordedEvent } from '../events/recorded-event.ts'
import type { Logger } from '../runtime.ts'

/** Warns once, with the remedy, when a reader of the log meets an event that this release cannot read. */
export function unreadableNotice(reader: string, logger: Logger): (event: RecordedEvent) => void {
  let isSaid = false
  return (event) => {
    if (isSaid || event.type !== 'event.unreadable') return
    isSaid = true
    const { reason } = event.data
    logger.warn(`${reader}: passes by ${event.id} and what else this release cannot read; when a newer release wrote it, upgrade`, {
      reason,
    })
  }
}
