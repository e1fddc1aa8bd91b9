import { sha256 } from './sha-256.ts'

/** Longer ones would fill the names of streams, of which some stores keep an index. */
const MOST_CHARACTERS = 200

/**
 * The canonical spelling of an address of no known kind: percent-encoded, so that it is printable ASCII without a colon or slash, and of
 * bounded length: of a longer one the beginning and a SHA-256 of the whole. Different addresses have different ones.
 */
export function otherAddress(text: string): string {
  const encoded = [...text]
    .map((sign) => (isLoneSurrogate(sign) ? `%u${sign.charCodeAt(0).toString(16)}` : encodeURIComponent(sign).replace('~', '%7E')))
    .join('')
  if (encoded.length <= MOST_CHARACTERS) return `other:${encoded}`
  // No encoded text has a tilde, so nothing short looks like something long.
  return `other:${encoded.slice(0, MOST_CHARACTERS - 65)}~${sha256(encoded)}`
}

function isLoneSurrogate(sign: string): boolean {
  return sign.length === 1 && /[\ud800-\udfff]/.test(sign)
}
