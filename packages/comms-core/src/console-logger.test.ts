import { afterEach, expect, it, vi } from 'vitest'
import { createComms } from './comms.ts'
import { consoleLogger } from './console-logger.ts'
import { silentLogger } from './runtime.ts'
import { memoryEventStore } from './store/memory-event-store.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function consoleLines(): string[] {
  const lines: string[] = []
  for (const level of ['debug', 'log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(`${level}| ${line}`))
  }
  return lines
}

it('the console logger writes warnings and errors, one line each, and nothing else', () => {
  const lines = consoleLines()
  consoleLogger.debug('quiet')
  consoleLogger.info('quiet', { a: 1 })
  consoleLogger.warn('Webhook refused', { transport: 'greenapi', reason: 'line\nfeed \u001b[31mred\u2028 end', big: 5n })
  consoleLogger.error('Broken', { error: new Error('why') })
  consoleLogger.error('Alone')
  expect(lines).toEqual([
    'warn| pipe-comms warn: Webhook refused {"transport":"greenapi","reason":"line\\nfeed \\u001b[31mred\\u2028 end","big":"5"}',
    'error| pipe-comms error: Broken {"error":"why"}',
    'error| pipe-comms error: Alone',
  ])
})

it('the console logger survives fields that cannot be written', () => {
  const lines = consoleLines()
  const circle: Record<string, unknown> = {}
  circle.self = circle
  consoleLogger.warn('Odd\nmessage', circle)
  expect(lines).toEqual(['warn| pipe-comms warn: Odd\\u000amessage (fields that cannot be written as JSON)'])
})

it('a webhook at a wrong path shows on the console of a user who gave no logger', async () => {
  const lines = consoleLines()
  const comms = createComms({ store: memoryEventStore() })
  await comms.handle(new Request('https://comms.example.com/webhooks/green', { method: 'POST', body: 'x' }))
  expect(lines).toEqual([
    expect.stringMatching(/^warn\| pipe-comms warn: No webhook at this path, nothing recorded .*"path":"\/webhooks\/green"/),
  ])
})

it('silentLogger writes nothing', async () => {
  const lines = consoleLines()
  const comms = createComms({ store: memoryEventStore(), logger: silentLogger })
  await comms.handle(new Request('https://comms.example.com/webhooks/green', { method: 'POST', body: 'x' }))
  expect(lines).toEqual([])
})
