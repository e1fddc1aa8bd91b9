/** What one mail may hold. A mail over a limit is refused or shortened, as each says, so that no mail costs more than its size. */

/** Bytes of the header of the mail; more is refused. Receiving servers take 100 kB to 1 MB. */
export const MAX_HEADER_BYTES = 262_144
/** Header fields of the mail; more is refused. */
export const MAX_HEADERS = 1_000
/** Multiparts inside multiparts; parts further down are not looked at. */
export const MAX_DEPTH = 10
/** Parts of one multipart that are looked at for reports. The parts of the whole mail are limited by mailparser, which refuses more than 1,000. */
export const MAX_PARTS = 200
/** Facts of one report, one for each recipient; the first fact counts the recipients that are left out. */
export const MAX_RECIPIENTS = 1_000
/** Files that are listed; `extra.filesLeftOut` counts the others, which stay in the mail. */
export const MAX_FILES = 100
/**
 * Characters of HTML that are turned into text; of a longer one the HTML alone is kept. html-to-text takes seconds over a table of more than
 * 100,000 cells in a row. Gmail shows the first 102 kB of a mail.
 */
export const MAX_HTML_FOR_TEXT = 400_000
/** Milliseconds for one mail in the parser thread. A mail of 1 MB takes up to 0.5 s. */
export const PARSE_TIME_MS = 10_000
/** Megabytes of JavaScript heap of the parser thread. */
export const PARSE_HEAP_MB = 256
