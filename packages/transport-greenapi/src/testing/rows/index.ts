import { CHANGE_ROWS } from './changes.ts'
import { CHOICE_ROWS } from './choices.ts'
import { MEDIA_ROWS } from './media.ts'
import { NOTICE_ROWS } from './notices.ts'
import type { Row } from './row.ts'
import { TEXT_ROWS } from './texts.ts'

/** Every kind of notification, in every shape that is known of it. */
export const ROWS: readonly Row[] = [...TEXT_ROWS, ...MEDIA_ROWS, ...CHOICE_ROWS, ...CHANGE_ROWS, ...NOTICE_ROWS]
