import { describe, expect, it } from 'vitest'
import { espoCrmDirectory } from './index.ts'

const SECRET = '0123456789abcdef'
const directory = (over: object = {}, secretKey = SECRET) =>
  espoCrmDirectory({ url: 'https://crm.example.com', apiKey: 'key-for-tests', webhooks: { 'Lead.create': { secretKey } }, ...over })

describe('options of the directory', () => {
  it.each([
    ['a short secret of a webhook', {}, 'a', 'webhooks.Lead.create.secretKey: expected at least 16 characters'],
    ['a secret of 15 characters', {}, SECRET.slice(1), 'expected at least 16 characters'],
    ['a secret of one character, repeated', {}, 'a'.repeat(32), 'expected at least 5 different characters'],
    ['a secret with a line break', {}, `${SECRET}\n`, 'expected printable ASCII characters without spaces'],
    ['a secret with an invisible character', {}, `${SECRET}\u200b`, 'expected printable ASCII characters without spaces'],
    ['a key with a line break', { apiKey: 'key\n' }, SECRET, 'apiKey: expected printable ASCII characters without spaces'],
    ['a key with an accent', { secretKey: 'clé' }, SECRET, 'secretKey: expected printable ASCII characters without spaces'],
  ])('are refused with %s, without its value', (_, over, secret, message) => {
    expect(() => directory(over, secret)).toThrow(expect.objectContaining({ code: 'configuration_invalid' }))
    expect(() => directory(over, secret)).toThrow(message)
    try {
      directory(over, secret)
    } catch (error) {
      if (secret.length > 1) expect((error as Error).message).not.toContain(secret)
    }
  })

  it('take a secret as EspoCRM makes it', () => {
    expect(directory().id).toBe('espocrm')
  })
})
