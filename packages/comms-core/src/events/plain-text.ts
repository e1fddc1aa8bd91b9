/**
 * A text as people copy it, in the characters that they mean: digits of every script as ASCII digits, spaces, dashes, dots and quotes of
 * all kinds as the plain ones, and without what cannot be seen (direction marks, zero-width characters, variation selectors, soft hyphens).
 */
export function plainText(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Me}]/gu, '')
    .replace(/\P{ASCII}/gu, plainSign)
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n]/gu, ' ')
}

function plainSign(sign: string): string {
  if (/\p{Nd}/u.test(sign)) return String(digitOf(sign.codePointAt(0) as number))
  if (/[\p{Zl}\p{Zp}\u0085]/u.test(sign)) return '\n'
  if (/[\p{Zs}\p{Cc}]/u.test(sign)) return ' '
  if (/[\p{Pd}\u2212\u30fc]/u.test(sign)) return '-'
  if (DOTS.has(sign)) return '.'
  if (/[\p{Pi}\p{Pf}\u00b4\u02b9-\u02bd\u201a\u201e\u2032\u2033]/u.test(sign)) return "'"
  if (/[\u060c\u3001]/u.test(sign)) return ','
  if (sign === '\u061b') return ';'
  if (/[\u2044\u2215]/u.test(sign)) return '/'
  return sign
}

const DOTS = new Set('·•‧∙⋅・․。．⸱')

/** The ten digits of a script lie one behind the other, zero first. https://www.unicode.org/reports/tr44/#Decimal_Digit */
function digitOf(codePoint: number): number {
  let zero = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1
  return (codePoint - zero) % 10
}
