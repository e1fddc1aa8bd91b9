import type { AppendRequest } from '@pipe-comms/core'
import pg from 'pg'
import { toSections } from '../append-sections.ts'

/** An append as SQL, for sessions without a store. */
export function appendSql(...requests: AppendRequest[]): string {
  const { p_events, p_keys, p_streams, p_sizes, p_expected } = toSections(requests).values
  const text = (value: string | null) => (value === null ? 'null' : pg.escapeLiteral(value))
  const array = (values: readonly (string | null)[], type: string) => `array[${values.map(text)}]::${type}[]`
  const numbers = (values: readonly (number | null)[]) =>
    array(
      values.map((value) => (value === null ? null : String(value))),
      'integer',
    )
  return `select public.append_message_events(${text(p_events)}, ${array(p_keys, 'text')}, ${array(p_streams, 'text')},
    ${numbers(p_sizes)}, ${numbers(p_expected)}, gen_random_uuid())`
}
