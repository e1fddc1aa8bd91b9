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

const twilio = {
  PUBLIC_URL: 'https://comms.example.com',
  TWILIO_ACCOUNT_SID: 'AC0123456789abcdef0123456789abcdef',
  TWILIO_AUTH_TOKEN: 'auth-token-for-tests',
  TWILIO_SMS_FROM: '+12025550100',
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

const smtp = { SMTP_HOST: 'mail.example.com', SMTP_USER: 'sales@example.com', SMTP_PASSWORD: 'smtp-password-for-tests' }

const crm = { ESPOCRM_URL: 'https://crm.example.com', ESPOCRM_API_KEY: 'crm-key-for-tests' }

describe('loadConfig', () => {
  it('runs without any variable: JSON files, loopback, generated secrets', () => {
    const config = loadConfig({})
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      logsDir: './logs/message_events',
      defaultRegion: 'FR',
      greenApi: { instanceId: '7105000001' },
      sandbox: { greenApi: true, webhookToken: true, jwtSecret: true, twilio: true, smtp: true, espoCrm: true },
    })
    expect(loadConfig({}).jwtSecret).not.toBe(config.jwtSecret)
    expect(loadConfig({}).greenApi?.webhookToken).not.toBe(config.greenApi?.webhookToken)
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

  it('names what is missing for Supabase, and takes PostgreSQL instead', () => {
    const supabase = { MESSAGE_EVENT_PERSISTENCE: 'supabase' }
    const project = { SUPABASE_URL: 'https://reference.supabase.co', SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_invented' }
    const postgres = { DATABASE_URL: 'postgres://user:a-password@db.example.com:5432/comms' }
    expect(problemsOf(supabase)).toEqual([
      'SUPABASE_URL: expected with MESSAGE_EVENT_PERSISTENCE=supabase (or DATABASE_URL for plain PostgreSQL)',
      'SUPABASE_SERVICE_ROLE_KEY: expected with MESSAGE_EVENT_PERSISTENCE=supabase (or DATABASE_URL for plain PostgreSQL)',
    ])
    expect(problemsOf({ ...supabase, SUPABASE_URL: project.SUPABASE_URL })).toHaveLength(1)
    expect(problemsOf({ ...supabase, ...postgres, ...project })).toEqual([expect.stringMatching(/^DATABASE_URL: .*got both$/)])
    const wrong = problemsOf({ ...supabase, DATABASE_URL: 'mysql://user:a-password@db.example.com/comms' })
    expect(wrong).toEqual(['DATABASE_URL: expected postgres://user:password@host:port/database'])
    expect(loadConfig({ ...supabase, ...project }).database).toEqual({
      supabaseUrl: project.SUPABASE_URL,
      serviceRoleKey: project.SUPABASE_SERVICE_ROLE_KEY,
    })
    expect(loadConfig({ ...supabase, ...postgres }).database).toEqual({ url: postgres.DATABASE_URL })
    expect(loadConfig(postgres).database).toBeUndefined()
  })

  it('refuses anything simulated or generated in production', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      'NODE_ENV=production: Green-API would be simulated; set GREEN_API_INSTANCE_ID, GREEN_API_TOKEN, GREEN_API_WEBHOOK_TOKEN, or GREEN_API_INSTANCE_ID=off',
      'NODE_ENV=production: Twilio would be simulated; set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_SMS_FROM, or TWILIO_ACCOUNT_SID=off',
      'NODE_ENV=production: SMTP would be simulated; set SMTP_HOST, SMTP_USER, SMTP_PASSWORD, or SMTP_HOST=off',
      'NODE_ENV=production: EspoCRM would be simulated; set ESPOCRM_URL, ESPOCRM_API_KEY, or ESPOCRM_URL=off',
      'NODE_ENV=production: JWT_SECRET would be generated; set it',
    ])
    const nothing = { greenApi: false, webhookToken: false, jwtSecret: false, twilio: false, smtp: false, espoCrm: false }
    expect(loadConfig({ NODE_ENV: 'production', ...real, ...twilio, ...smtp, ...crm }).sandbox).toEqual(nothing)
    const without = loadConfig({ NODE_ENV: 'production', ...real, TWILIO_ACCOUNT_SID: 'off', SMTP_HOST: 'off', ESPOCRM_URL: 'off' })
    expect(without.sandbox).toEqual(nothing)
    expect([without.twilio, without.smtp, without.espoCrm]).toEqual([undefined, undefined, undefined])
  })

  it('takes the Twilio settings together, with the URL that Twilio signs, and two tokens while they are rotated', () => {
    expect(loadConfig({ ...twilio, TWILIO_AUTH_TOKEN: 'primary-token, secondary-token' }).twilio).toEqual({
      accountSid: twilio.TWILIO_ACCOUNT_SID,
      authTokens: ['primary-token', 'secondary-token'],
      from: '+12025550100',
      url: undefined,
      publicUrl: 'https://comms.example.com',
    })
    expect(problemsOf({ TWILIO_AUTH_TOKEN: 'secret-token,' })).toEqual([
      'TWILIO_AUTH_TOKEN: expected a token, or two with a comma between',
      'TWILIO_ACCOUNT_SID: expected together with the other Twilio settings',
      'TWILIO_SMS_FROM: expected together with the other Twilio settings',
      'PUBLIC_URL: expected with Twilio, which signs the URL that it calls',
    ])
    expect(problemsOf({ ...twilio, TWILIO_ACCOUNT_SID: 'SK1' })).toEqual([
      'TWILIO_ACCOUNT_SID: expected AC and 32 hexadecimal digits, or off',
    ])
  })

  it('takes lists of addresses', () => {
    expect(loadConfig({})).toMatchObject({ trustedProxies: [], greenApi: { allowedAddresses: undefined } })
    const given = { TRUST_PROXY: '127.0.0.1, ::1', GREEN_API_ALLOWED_ADDRESSES: '192.0.2.0/24,198.51.100.7' }
    expect(loadConfig(given)).toMatchObject({
      trustedProxies: ['127.0.0.1', '::1'],
      greenApi: { allowedAddresses: ['192.0.2.0/24', '198.51.100.7'] },
    })
    const expected = 'expected IP addresses or ranges such as 10.0.0.0/8, with commas between'
    for (const wrong of ['true', '10.0.0.0/33', '10.0.0', '10.0.0.1,', 'fe80::1%eth0'])
      expect(problemsOf({ TRUST_PROXY: wrong, GREEN_API_ALLOWED_ADDRESSES: wrong })).toEqual([
        `TRUST_PROXY: ${expected}`,
        `GREEN_API_ALLOWED_ADDRESSES: ${expected}`,
      ])
  })

  it('sends as the SMTP user unless it is told another sender', () => {
    const relay = { host: 'mail.example.com', port: undefined, user: 'sales@example.com', password: 'smtp-password-for-tests' }
    expect(loadConfig({ ...real, ...smtp }).smtp).toEqual({ ...relay, from: 'sales@example.com' })
    expect(loadConfig({ ...real, ...smtp, SMTP_PORT: '465', SMTP_FROM: 'Sales <s@example.com>' }).smtp).toEqual({
      ...relay,
      port: 465,
      from: 'Sales <s@example.com>',
    })
    expect(problemsOf({ SMTP_HOST: 'mail.example.com', SMTP_PORT: 'x' })).toEqual([
      expect.stringMatching(/^SMTP_PORT: expected a port number/),
      'SMTP_USER: expected together with the other SMTP settings',
      'SMTP_PASSWORD: expected together with the other SMTP settings',
    ])
    expect(loadConfig({ SMTP_HOST: 'off', ESPOCRM_URL: 'off' })).toMatchObject({ sandbox: { smtp: false, espoCrm: false } })
    expect(loadConfig({ SMTP_HOST: 'off', ESPOCRM_URL: 'off' })).not.toHaveProperty('smtp')
  })

  it('takes Green-API=off', () => {
    const config = loadConfig({ GREEN_API_INSTANCE_ID: 'off' })
    expect(config).not.toHaveProperty('greenApi')
    expect(config.sandbox).toMatchObject({ greenApi: false, webhookToken: false })
  })

  it.each(['Production', 'PRODUCTION', 'prod', 'live', 'staging', '1'])('refuses NODE_ENV=%s, which is none of the known words', (word) => {
    expect(problemsOf({ NODE_ENV: word })).toEqual([`NODE_ENV: expected production, development or test, got "${word}"`])
  })

  it.each([
    ['GREEN_API_WEBHOOK_TOKEN', 'a'],
    ['GREEN_API_WEBHOOK_TOKEN', 'fifteen-letters'],
    ['GREEN_API_WEBHOOK_TOKEN', 'a token with spaces in it'],
    ['GREEN_API_WEBHOOK_TOKEN', 'a-token-with-a-line\nbreak'],
    ['GREEN_API_WEBHOOK_TOKEN', 'a-token-with-an-é-in-it'],
    ['SMTP_INBOUND_TOKEN', 'short'],
    ['SMTP_INBOUND_TOKEN', 'abababababababababab'],
    ['JWT_SECRET', 'a'.repeat(40)],
    ['JWT_SECRET', `${' '.repeat(32)}x`],
    ['ESPOCRM_WEBHOOKS', 'Lead.create=a'],
    ['ESPOCRM_WEBHOOKS', 'Lead.create=a-secret-of-the-crm-1,Lead.update=a'],
    ['ESPOCRM_WEBHOOKS', 'Lead.create'],
  ])('refuses %s=%j, which is too easily guessed or fits no header, without repeating it', (name, value) => {
    const [problem, ...others] = problemsOf({ ...real, [name]: value })
    expect(problem).toMatch(new RegExp(`^${name}: expected .*at least \\d+ `))
    expect(others).toEqual([])
    const [secret = ''] = value.split('=').slice(-1)
    if (secret.trim().length > 1 && !name.endsWith('S')) expect(problem).not.toContain(secret.trim())
  })

  it('refuses in production what would cross the internet without encryption, and lets a private network be', () => {
    const production = { NODE_ENV: 'production', ...real, ...smtp, TWILIO_ACCOUNT_SID: 'off' }
    const open = {
      PUBLIC_URL: 'http://comms.example.com',
      GREEN_API_URL: 'http://api.example.com',
      ESPOCRM_URL: 'http://crm.example.com:8080',
    }
    expect(problemsOf({ ...production, ...open })).toEqual([
      'PUBLIC_URL: expected https:// with NODE_ENV=production, got http://comms.example.com',
      'GREEN_API_URL: expected https:// with NODE_ENV=production, got http://api.example.com',
      'ESPOCRM_URL: expected https:// with NODE_ENV=production, got http://crm.example.com:8080',
    ])
    for (const url of [
      'http://127.0.0.1:8080',
      'http://[::1]',
      'http://localhost:3000',
      'http://10.1.2.3',
      'http://192.168.1.1',
      'http://crm:80',
    ])
      expect(problemsOf({ ...production, ESPOCRM_URL: url })).toEqual([])
    expect(problemsOf({ ...open, ESPOCRM_API_KEY: 'crm-key-for-tests' })).toEqual([])
  })

  it.each([
    '0.0.0.0/0',
    '::/0',
    '127.0.0.1, 0.0.0.0/0',
    '0.0.0.0/1,128.0.0.0/1',
    '2000::/3',
    '::/1',
    '::ffff:0.0.0.0/96',
    '0:0:0:0:0:ffff::/97',
  ])('refuses TRUST_PROXY=%s: everybody would be a proxy', (range) => {
    expect(problemsOf({ TRUST_PROXY: range })).toEqual([expect.stringMatching(/^TRUST_PROXY: .*range of all addresses/)])
  })

  it.each(['10.0.0.0/8', '192.168.1.7', 'fc00::/7', '2606:4700::/32', '2a06:98c0::/29', '::1', '::ffff:10.0.0.0/104'])(
    'takes TRUST_PROXY=%s',
    (range) => {
      expect(loadConfig({ TRUST_PROXY: range }).trustedProxies).toEqual([range])
    },
  )
})
