import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@pipe-comms/core'
import { expect, it } from 'vitest'
import type { Failure, FromWriter } from './writer-protocol.ts'
import { WriterThread } from './writer-thread.ts'

it('tells of a thread that died, and starts another with the next message', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  const logged: string[] = []
  const logger = { ...silentLogger, error: (message: string) => logged.push(message) }
  const thread = new WriterThread({ file: join(dir, 'messages.sqlite'), synchronous: 'full' }, logger)
  const gone: Failure[] = []
  const replies: FromWriter[] = []
  thread.listen({ onReply: (message) => replies.push(message), onGone: (failure) => gone.push(failure) })
  thread.hold(true)

  // No list of fields: whatever is wrong in the thread, it must not hang.
  thread.post({ parcel: null as never, recordedAt: '' })
  await expect.poll(() => gone, { timeout: 10_000 }).toMatchObject([{ code: 'store_unavailable' }])
  expect(logged).toEqual([expect.stringContaining('the writer thread died')])

  thread.post({ job: 7, checkpoint: { consumerId: 'c', position: '1' }, savedAt: 'now' })
  await expect.poll(() => replies, { timeout: 10_000 }).toEqual([{ durable: [7], places: [] }])
  await thread.close()
  await rm(dir, { recursive: true })
})
