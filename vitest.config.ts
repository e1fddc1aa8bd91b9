import { readdirSync } from 'node:fs'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

const conditions = ['@pipe-comms/source', ...defaultServerConditions]
const workspaces = ['packages', 'examples'].flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))

export default defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    projects: [...workspaces, 'scripts'].map((root) => ({
      extends: true as const,
      root,
      test: { name: root.split('/').at(-1) as string, include: ['**/*.test.ts'], testTimeout: 30_000 },
    })),
  },
})
