import { describe, expect, it } from 'vitest'
import { staysPrivate } from './stays-private.ts'

describe('staysPrivate', () => {
  it.each([
    'https://api.example.com',
    'http://127.0.0.1:3000/x',
    'http://127.1',
    'http://0x7f000001',
    'http://localhost:8080',
    'http://greenapi.localhost',
    'http://[::1]:1',
    'http://[fd00::1]',
    'http://10.0.0.1',
    'http://172.16.0.1',
    'http://172.31.255.255',
    'http://192.168.1.2',
    'http://simulator:8080',
    'http://host.docker.internal',
    'http://nas.local',
  ])('is true for %s', (url) => {
    expect(staysPrivate(url)).toBe(true)
  })

  it.each([
    'http://api.example.com',
    'http://127.0.0.1.example.com',
    'http://10.example.com',
    'http://172.32.0.1',
    'http://172.15.0.1',
    'http://192.169.1.2',
    'http://11.0.0.1',
    'http://169.254.169.254',
    'http://[2001:db8::1]',
    'http://user:localhost@example.com',
    'http://localhost.example.com',
    'ftp://localhost',
    'no URL',
  ])('is false for %s', (url) => {
    expect(staysPrivate(url)).toBe(false)
  })
})
