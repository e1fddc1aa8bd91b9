// Run by stores.ts in a process of its own: opens a log and reads it all; prints its figures as JSON. Plain JavaScript over the built
// packages, as in a user's process, for its memory is what is measured.
const [kind, path, count] = process.argv.slice(2)

const startedAt = performance.now()
const store =
  kind === 'json'
    ? await (await import('@pipe-comms/store-json')).openJsonEventStore({ dir: path })
    : await (await import('@pipe-comms/store-sqlite')).openSqliteEventStore({ file: path })
const openMs = performance.now() - startedAt
const openedMb = megabytes()
let peakMb = openedMb
let seen = 0

const readingAt = performance.now()
for await (const _event of store.readAll()) {
  seen += 1
  if (seen % 10_000 === 0) peakMb = Math.max(peakMb, megabytes())
}
const readPerSecond = (seen / (performance.now() - readingAt)) * 1000
if (seen !== Number(count)) throw new Error(`Expected ${count} events, read ${seen}`)
await store.close()
process.stdout.write(JSON.stringify({ openMs, readPerSecond, openedMb, peakMb }))

function megabytes() {
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}
