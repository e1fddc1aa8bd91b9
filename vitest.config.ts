import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

const conditions = ['@pipe-comms/source', ...defaultServerConditions]
const workspaces = ['packages', 'examples'].flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
/** Projects whose tests want the PostgreSQL server that this file starts. */
const postgres: Readonly<Record<string, string>> = {
  'packages/store-supabase': resolve('packages/store-supabase/src/testing/global-setup.ts'),
}

export default defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    // Many tests wait for servers and timers: with one worker a core is idle.
    maxWorkers: 3,
    projects: [...workspaces, 'scripts'].map((root) => ({
      extends: true as const,
      root,
      test: {
        name: root.split('/').at(-1) as string,
        include: ['**/*.test.ts'],
        testTimeout: 30_000,
        globalSetup: postgres[root] ?? [],
      },
    })),
  },
})
