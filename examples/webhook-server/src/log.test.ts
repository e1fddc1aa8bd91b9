import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { createLogger } from './log.ts'

function linesOf(production: boolean, log: (logger: ReturnType<typeof createLogger>) => void): string[] {
  let text = ''
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      text += chunk
      done()
    },
  })
  log(createLogger({ logLevel: 'info', production }, sink))
  return text.trimEnd().split('\n')
}

const HOSTILE = [
  'Eve\nINFO: [SENT] {forged}',
  'Eve\r\nx',
  '\u001b[31mred\u001b[0m',
  'a\u009b31mb',
  '\u202egnp.exe',
  'a\u2028b',
  'a\u0085b',
  'a\0b',
]

it.each(HOSTILE)('writes a message with %j as one line without control characters', (name) => {
  for (const production of [true, false]) {
    const lines = linesOf(production, (log) => {
      log.info(`Lead trouvé: ${name} (ID: 1)`)
      log.warn({ name }, `fields ${name}`)
    })
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    if (production) for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  }
})

it('writes the time as ISO 8601 in production', () => {
  const [line = ''] = linesOf(true, (log) => log.info('x'))
  expect(JSON.parse(line).time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})
