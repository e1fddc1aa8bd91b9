import { expect, it } from 'vitest'
import { crashWebhooks } from './webhooks.ts'

it('loses no acknowledged notification and doubles none when the server is killed in the middle', async () => {
  const report = await crashWebhooks({ posts: 400 })
  expect(report).toMatchObject({ posts: 400, lost: 0, doubled: 0, afterRepost: 400 })
  expect(report.acknowledged).toBeGreaterThan(100)
  expect(report.acknowledged).toBeLessThan(400)
}, 60_000)
