import { BUTTONS } from './content/button.ts'
import { CARDS } from './content/card.ts'
import { MEDIA } from './content/media.ts'
import type { ContentReaders } from './content/reader.ts'
import { REPLIES } from './content/reply.ts'
import { TEXTS } from './content/text.ts'

/**
 * Every `typeMessage` that says something of its own; those that change an earlier message are in `change.ts`. The set is open: what is
 * in neither is quarantined raw, for a later version.
 */
export const CONTENTS: ContentReaders = { ...TEXTS, ...MEDIA, ...CARDS, ...BUTTONS, ...REPLIES }
