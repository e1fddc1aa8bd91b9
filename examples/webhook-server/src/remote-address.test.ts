import { describe, expect, it } from 'vitest'
import { remoteAddress } from './remote-address.ts'

describe('remoteAddress', () => {
  const behind = remoteAddress(['127.0.0.1', '10.0.0.0/8', '::1'])
  it.each<[string, string | undefined, string | undefined, string | undefined]>([
    ['a connection that is no proxy is what it is', '192.0.2.1', undefined, '192.0.2.1'],
    ['and what it forwards is not believed', '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['a proxy says whom it saw', '127.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['a proxy that adds to what a stranger wrote', '127.0.0.1', '203.0.113.9, 192.0.2.1', '192.0.2.1'],
    ['a proxy behind a proxy', '127.0.0.1', '203.0.113.9, 192.0.2.1, 10.1.2.3', '192.0.2.1'],
    ['IPv6', '::1', '2001:db8::1', '2001:db8::1'],
    ['IPv4 in IPv6', '::ffff:127.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['proxies alone', '127.0.0.1', '10.1.2.3', '10.1.2.3'],
    ['a proxy that says nothing', '127.0.0.1', undefined, '127.0.0.1'],
    ['no address', '127.0.0.1', '203.0.113.9, unknown', undefined],
    ['an empty one', '127.0.0.1', '203.0.113.9,', undefined],
    ['no connection', undefined, '192.0.2.1', undefined],
  ])('%s', (_, connection, forwardedFor, expected) => {
    expect(behind(connection, forwardedFor)).toBe(expected)
  })

  it('believes nobody by default', () => {
    expect(remoteAddress([])('127.0.0.1', '192.0.2.1')).toBe('127.0.0.1')
  })
})
