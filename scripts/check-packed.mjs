// Packs every published package, installs the tarballs in an empty project, and uses them there by import and by require.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const consumer = mkdtempSync(join(tmpdir(), 'pipe-comms-packed-'))
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))
  const tarballs = folders.map((folder) => {
    const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', consumer], folder))
    return `./${filename}`
  })
  const names = folders.flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return Object.keys(exports)
      .filter((path) => !/\.(json|sql)$/.test(path))
      .map((path) => name + path.slice(1))
  })
  writeFileSync(join(consumer, 'package.json'), '{"private":true}')
  run('npm', ['install', '--ignore-scripts', '--loglevel=error', '--no-audit', '--no-fund', ...tarballs], consumer)
  writeFileSync(join(consumer, 'all.mjs'), `${names.map((name) => `await import('${name}')`).join('\n')}\n${use('await import', 'import')}`)
  writeFileSync(
    join(consumer, 'all.cjs'),
    `${names.map((name) => `require('${name}')`).join('\n')}\n;(async () => {\n${use('require', 'require')}})()`,
  )
  for (const file of ['all.mjs', 'all.cjs']) process.stdout.write(run(process.execPath, [file], consumer))
} finally {
  rmSync(consumer, { recursive: true })
}

/** A program that records an event and reads it back with the packages as a user gets them. */
function use(load, how) {
  return `
const { copyLog, createComms, isCommsError } = ${load}('@pipe-comms/core')
const { openJsonEventStore } = ${load}('@pipe-comms/store-json')
const { openSqliteEventStore } = ${load}('@pipe-comms/store-sqlite')
const { greenApiTransport } = ${load}('@pipe-comms/transport-greenapi')
const { parseInboundMail } = ${load}('@pipe-comms/transport-smtp')
const store = await openJsonEventStore({ dir: './log-${how}' })
const sqlite = await openSqliteEventStore({ file: './log-${how}.db' })
const comms = createComms({ store, transports: [greenApiTransport({ idInstance: 7105000001, webhookToken: 'webhook-token-for-tests' })] })
const response = await comms.handle(new Request('https://comms.example.com/webhooks/greenapi', { method: 'POST', body: '{"typeWebhook":"unknown"}', headers: { authorization: 'Bearer webhook-token-for-tests' } }))
// Mail is parsed in a worker thread, whose file must be in the package.
const mail = await parseInboundMail('From: Camille <camille@example.org>\\r\\nMessage-ID: <m-1@example.org>\\r\\n\\r\\nOui\\r\\n', { account: 'sales@example.com' })
if (mail[0]?.type !== 'message.received') throw new Error('mail is not read by ${how}')
let count = 0
for await (const event of store.readAll()) count += 1
const copied = await copyLog(store, sqlite)
await sqlite.close()
await comms.close()
const refused = await store.find('x').catch((error) => isCommsError(error, 'store_closed'))
if (response.status !== 200 || count !== 1 || !copied.equal || refused !== true) throw new Error('the packed packages do not work by ${how}')
console.log('packed packages work by ${how}')
`
}
