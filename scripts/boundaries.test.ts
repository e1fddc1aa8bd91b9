import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
let copy: string

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'pipe-comms-boundaries-'))
  for (const name of [
    'packages',
    'examples',
    'bench',
    'scripts',
    'tsconfig.base.json',
    'tsup.base.ts',
    'package.json',
    '.dependency-cruiser.mjs',
  ]) {
    await cp(join(root, name), join(copy, name), { recursive: true, filter: (path) => !/\/(node_modules|dist|\.turbo)(\/|$)/.test(path) })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rm(copy, { recursive: true }))

async function violations(): Promise<string> {
  const command = join(root, 'node_modules', '.bin', 'depcruise')
  const cruise = promisify(execFile)(command, ['--config', '.dependency-cruiser.mjs', 'packages', 'examples', 'bench', 'scripts'], {
    cwd: copy,
  })
  return cruise.then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  )
}

it.each([
  [
    'a transport that imports a store by name',
    'packages/transport-greenapi/src/planted.ts',
    "import '@pipe-comms/store-json'",
    'plugins-know-only-core',
  ],
  [
    'a transport that imports a store by path',
    'packages/transport-greenapi/src/planted.ts',
    "import '../../store-json/src/index.ts'",
    'plugins-know-only-core',
  ],
  [
    'a type of a transport in a store',
    'packages/store-json/src/planted.ts',
    "import type { x } from '@pipe-comms/transport-greenapi'\nexport type y = x",
    'plugins-know-only-core',
  ],
  ['a simulator that imports core', 'packages/simulators/src/planted.ts', "import '@pipe-comms/core'", 'simulators-know-nothing-of-ours'],
  ['core that imports a store', 'packages/comms-core/src/planted.ts', "import '@pipe-comms/store-json'", 'core-knows-nobody'],
  ['core that imports node', 'packages/comms-core/src/planted.ts', "import 'node:fs'", 'core-is-web-standard'],
  [
    'core events that import the store room',
    'packages/comms-core/src/events/planted.ts',
    "import '../store/event-store.ts'",
    'core-events-are-the-ground',
  ],
  ['the kit imported by core', 'packages/comms-core/src/planted.ts', "import './conformance/index.ts'", 'only-tests-import-the-kit'],
  ['a cycle', 'packages/comms-core/src/planted.ts', "import './planted.ts'", 'no-cycles'],
])(
  'finds %s',
  async (_, file, text, rule) => {
    await writeFile(join(copy, file), `${text}\n`)
    const said = await violations()
    await rm(join(copy, file))
    expect(said).toContain(`error ${rule}: ${file}`)
  },
  60_000,
)

it('finds nothing in the tree as it is', async () => {
  expect(await violations()).toContain('no dependency violations found')
}, 60_000)
