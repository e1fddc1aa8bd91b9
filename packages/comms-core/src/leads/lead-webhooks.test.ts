import { expect, it } from 'vitest'
import { createComms } from '../comms.ts'
import { CommsError } from '../errors.ts'
import { silentLogger } from '../runtime.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { LeadDirectory } from './lead-directory.ts'

function setUp() {
  const warnings: string[] = []
  let changes = 0
  const directory: LeadDirectory = {
    id: 'crm',
    findByAddresses: async () => new Map(),
    changes: {
      webhooks: [
        {
          path: '/webhooks/crm',
          methods: ['POST'],
          verify: ({ headers }) => {
            if (!headers.has('x-signature')) throw new CommsError('webhook_unverified', 'crm: no signature')
          },
          changed: async () => {
            changes += 1
            return []
          },
        },
      ],
    },
  }
  const logger = { ...silentLogger, warn: (message: string, fields = {}) => void warnings.push(`${message} ${JSON.stringify(fields)}`) }
  const comms = createComms({ store: memoryEventStore(), leads: { directory }, logger })
  const post = async (path: string, body: string, headers: Record<string, string> = { 'x-signature': 's' }) =>
    (await comms.handle(new Request(`https://comms.example.com${path}`, { method: 'POST', body, headers }))).status
  return { warnings, post, changes: () => changes }
}

it('a webhook of a directory is taken at its path, with or without a slash at the end', async () => {
  const { post, changes } = setUp()
  for (const path of ['/webhooks/crm', '/webhooks/crm/']) expect(await post(path, '[]')).toBe(200)
  expect(changes()).toBe(2)
})

it('a webhook of a directory whose body was read before is answered 400 with the reason in the log', async () => {
  const { post, changes, warnings } = setUp()
  expect(await post('/webhooks/crm', '', { 'content-length': '20', 'x-signature': 's' })).toBe(400)
  expect(await post('/webhooks/crm', '[object Object],[object Object]')).toBe(400)
  expect(warnings).toEqual([
    expect.stringContaining('expected a body of 20 bytes'),
    expect.stringContaining('a parsed body made into text'),
  ])
  expect(changes()).toBe(0)
})

it('refused webhooks of a directory are logged a few times and then counted', async () => {
  const { post, warnings } = setUp()
  for (let turn = 0; turn < 50; turn += 1) expect(await post('/webhooks/crm', '[]', {})).toBe(401)
  expect(warnings).toHaveLength(5)
})
