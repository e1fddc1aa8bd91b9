import { describe, expect, it } from 'vitest'
import { ConfigError, loadConfig } from './config.ts'

const real = {
  GREEN_API_INSTANCE_ID: '7105000002',
  GREEN_API_TOKEN: 'api-token-for-tests',
  GREEN_API_WEBHOOK_TOKEN: 'webhook-token-for-tests',
  ESPOCRM_URL: 'https://crm.example.com',
  ESPOCRM_API_KEY: 'espocrm-key-for-tests',
  JWT_SECRET: 'a-secret-for-tests-of-at-least-32-characters',
}

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('loadConfig', () => {
  it('runs without any variable: JSON files, loopback, generated secrets', () => {
    const config = loadConfig({})
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      logsDir: './logs/message_events',
      defaultRegion: 'FR',
      greenApi: { instanceId: '7105000001' },
      sandbox: { greenApi: true, espoCrm: true, webhookToken: true, jwtSecret: true },
    })
    expect(loadConfig({}).jwtSecret).not.toBe(config.jwtSecret)
    expect(loadConfig({}).greenApi.webhookToken).not.toBe(config.greenApi.webhookToken)
  })

  it('takes an empty variable for one that is not set', () => {
    expect(loadConfig({ PORT: '', JWT_SECRET: ' ', GREEN_API_TOKEN: '' }).port).toBe(3000)
  })

  it('lists every problem at once', () => {
    const problems = problemsOf({
      PORT: 'http',
      PUBLIC_URL: 'comms.example.com',
      LOG_LEVEL: 'loud',
      JWT_SECRET: 'short',
      MESSAGE_EVENT_PERSISTENCE: 'mongodb',
      DEFAULT_REGION: 'France',
      GREEN_API_INSTANCE_ID: 'seven',
    })
    for (const name of [
      'PORT',
      'PUBLIC_URL',
      'LOG_LEVEL',
      'JWT_SECRET',
      'MESSAGE_EVENT_PERSISTENCE',
      'DEFAULT_REGION',
      'GREEN_API_INSTANCE_ID',
    ]) {
      expect(problems.some((problem) => problem.startsWith(`${name}: expected`) || problem.startsWith(`${name}: `))).toBe(true)
    }
    expect(problems).toContain('GREEN_API_TOKEN: expected together with the other Green-API credentials')
    expect(problems.join()).not.toContain('short')
  })

  it('refuses anything simulated or generated in production', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      'NODE_ENV=production: Green-API would be simulated; set GREEN_API_INSTANCE_ID, GREEN_API_TOKEN, GREEN_API_WEBHOOK_TOKEN',
      'NODE_ENV=production: EspoCRM would be simulated; set ESPOCRM_URL, ESPOCRM_API_KEY',
      'NODE_ENV=production: JWT_SECRET would be generated; set it',
    ])
    expect(loadConfig({ NODE_ENV: 'production', ...real }).sandbox).toEqual({
      greenApi: false,
      espoCrm: false,
      webhookToken: false,
      jwtSecret: false,
    })
  })

  it('reads the secrets of the webhooks of EspoCRM, and wants its credentials together', () => {
    const { espoCrm } = loadConfig({ ...real, ESPOCRM_WEBHOOKS: 'Lead.create=one-secret, Contact.update=other-secret' })
    expect(espoCrm.webhooks).toEqual({ 'Lead.create': { secretKey: 'one-secret' }, 'Contact.update': { secretKey: 'other-secret' } })
    expect(problemsOf({ ESPOCRM_URL: 'https://crm.example.com' })).toEqual([
      'ESPOCRM_API_KEY: expected together with the other EspoCRM credentials',
    ])
    expect(problemsOf({ ...real, ESPOCRM_WEBHOOKS: 'secret-alone' }).join()).not.toContain('secret-alone')
  })
})
