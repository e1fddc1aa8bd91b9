import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import { reply } from '../testing/mails.ts'
import { MailThread } from './mail-thread.ts'
import { parseInThread } from './parse-inbound-mail.ts'

const ACCOUNT = { account: 'sales@example.com' }
/** HTML just short enough to be turned into text, which takes html-to-text most of a second each time. */
const slowMail = (parts: number) =>
  reply({
    headers: ['Content-Type: multipart/mixed; boundary=b'],
    body: `--b\r\n\r\nx\r\n${`--b\r\nContent-Type: text/html\r\n\r\n<table><tr>${'<td>'.repeat(99_000)}\r\n`.repeat(parts)}`,
  })

describe('the thread that parses mail', () => {
  it('gives up a mail that takes too long, says why, and reads the next one', async () => {
    const thread = new MailThread({ timeMs: 1_500 })
    // The first mail waits for the thread to start, which is no time of its own.
    expect(await parseInThread(reply(), ACCOUNT, thread)).toHaveLength(1)
    const slow = parseInThread(slowMail(60), ACCOUNT, thread)
    const others = ['a', 'b', 'c'].map((id) => parseInThread(reply({ id: `${id}@example.org` }), ACCOUNT, thread))
    await expect(slow).rejects.toMatchObject({
      code: 'webhook_unparsable',
      message: 'SMTP: expected a mail that is read within 1500 ms, got one that takes longer',
    })
    expect((await Promise.all(others)).map(([fact]) => fact?.type)).toEqual(Array.from({ length: 3 }, () => 'message.received'))
  })

  it('gives up a mail that takes too much memory, and reads the next one', async () => {
    const thread = new MailThread({ heapMb: 64 })
    await expect(parseInThread(`${reply()}${'line of a mail\r\n'.repeat(4_000_000)}`, ACCOUNT, thread)).rejects.toMatchObject({
      code: 'webhook_unparsable',
      message: expect.stringContaining('needed more than 64 MB'),
    })
    expect(await parseInThread(reply(), ACCOUNT, thread)).toHaveLength(1)
  }, 60_000)

  it('leaves the event loop free while it reads', { retry: 2 }, async () => {
    const thread = new MailThread()
    await parseInThread(reply(), ACCOUNT, thread)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const startedAt = performance.now()
    await parseInThread(slowMail(10), ACCOUNT, thread)
    const took = performance.now() - startedAt
    delay.disable()
    expect(took).toBeGreaterThan(300)
    expect(delay.max / 1e6).toBeLessThan(200)
  })

  it('leaves the bytes of its caller as they are', async () => {
    const bytes = Buffer.from(reply())
    await parseInThread(bytes, ACCOUNT, new MailThread())
    expect(String(bytes)).toBe(reply())
  })
})
