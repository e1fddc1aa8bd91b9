import { isCommsError, type ReadAllOptions, type RecordedEvent } from '@pipe-comms/core'
import { PAGE, type Page, readPages } from './read-pages.ts'
import type { EventLines } from './stored-event.ts'

/**
 * The log in the order of positions. Positions become visible in their order (see `append_message_events`), so reading on behind the last
 * one skips nothing.
 */
export function readAll(open: () => Promise<EventLines>, { after, signal }: ReadAllOptions): AsyncIterable<RecordedEvent> {
  return readPages<string | null>(
    open,
    ({ log }) => (after === undefined ? null : log.placeOf(after)),
    async ({ log }, place) => {
      try {
        return await log.calls.call<Page<string>>('read_message_events', { p_after: place, ...PAGE }, signal)
      } catch (error) {
        // The database knows places only.
        throw place !== null && isCommsError(error, 'position_invalid') ? log.notHere(log.position(place)) : error
      }
    },
    ([place]) => place,
    signal,
  )
}
