import { z } from 'zod'

/** A secret with fewer different characters than this is a pattern somebody typed. A random hexadecimal one of 16 characters has about 10. */
const FEWEST_DIFFERENT = 6

/**
 * A secret that this server shares with whoever calls it. Printable ASCII without spaces, so that it fits into a header as it is;
 * never part of an error.
 */
export function secret(characters: number) {
  return z
    .string()
    .trim()
    .refine(
      (value) => isSecret(value, characters),
      `expected at least ${characters} printable ASCII characters, ${FEWEST_DIFFERENT} of them different`,
    )
}

export function isSecret(value: string, characters: number): boolean {
  return value.length >= characters && /^[!-~]+$/.test(value) && new Set(value).size >= FEWEST_DIFFERENT
}

/** A credential that a provider made: its length is the provider's business, but a line break in it is a mistake of copying. */
export const credential = z
  .string()
  .trim()
  .refine((value) => /^[ -~]+$/.test(value), 'expected printable ASCII characters in one line')
