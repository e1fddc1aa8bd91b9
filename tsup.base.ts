import type { Options } from 'tsup'

/** How every package is built: for import and for require, with types for both. */
export const base: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node22',
  dts: true,
  sourcemap: true,
  clean: true,
}
