import { expect, it } from 'vitest'
import { readEntity } from './mime-entity.ts'

it.each(['b--alt', 'b-alt', 'b2', 'b_alt', 'b alt'])('a boundary ends its multipart, not one that it is the beginning of: %s', (inner) => {
  const raw = [
    'Content-Type: multipart/report; boundary="b"',
    '',
    '--b',
    `Content-Type: multipart/alternative; boundary="${inner}"`,
    '',
    `--${inner}`,
    '',
    'x',
    `--${inner}--`,
    '--b \t',
    'Content-Type: message/delivery-status',
    '',
    'Action: failed',
    '--b--',
    '--b',
    'Content-Type: text/html',
  ].join('\r\n')
  expect(
    readEntity(raw)
      .parts()
      .map(({ type }) => type),
  ).toEqual(['multipart/alternative', 'message/delivery-status'])
  expect(readEntity(raw).parts()[0]?.parts()).toHaveLength(1)
})
