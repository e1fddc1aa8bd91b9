import { defineConfig } from 'tsup'
import { base } from '../../tsup.base.ts'

export default defineConfig({
  ...base,
  // The writer runs in a thread of its own, from a file of its own beside the other.
  entry: ['src/index.ts', 'src/writer-worker.ts'],
  dts: { entry: 'src/index.ts' },
  // tsup's own `shims` break on a folder with a # in its name.
  esbuildOptions(options, { format }) {
    if (format === 'cjs') options.define = { ...options.define, 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' }
  },
})
