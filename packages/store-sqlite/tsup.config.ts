import { defineConfig } from 'tsup'

export default defineConfig({
  // The writer runs in a thread of its own, from a file of its own beside the other.
  entry: ['src/index.ts', 'src/writer-worker.ts'],
  format: ['esm', 'cjs'],
  target: 'node22',
  dts: { entry: 'src/index.ts' },
  sourcemap: true,
  clean: true,
  // tsup's own `shims` break on a folder with a # in its name.
  esbuildOptions(options, { format }) {
    if (format === 'cjs') options.define = { ...options.define, 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' }
  },
})
