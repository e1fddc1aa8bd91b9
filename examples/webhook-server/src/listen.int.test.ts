import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as timer } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { listen } from './listen.ts'

const LIMITS = { headersTimeout: 200, requestTimeout: 500, connectionsCheckingInterval: 50, keepAliveTimeout: 5_000, maxConnections: 3 }

let server: Server
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

async function start(limits?: typeof LIMITS) {
  const answer = async (request: Request) => {
    await request.text()
    if (request.url.endsWith('/slow')) await timer(1_000)
    return new Response('done')
  }
  server = await listen(answer, { hostname: '127.0.0.1', port: 0, ...(limits ? { limits } : {}) })
}

async function open(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  return socket
}

/** Milliseconds until the server closes it. */
async function closedAfter(socket: Socket): Promise<number> {
  const since = performance.now()
  await once(socket, 'close')
  return performance.now() - since
}

describe('a connection', () => {
  it.each([
    ['says nothing', '', 200],
    ['sends a part of its headers', 'POST / HTTP/1.1\r\nHost: example.com\r\nX-Slow: ', 200],
    ['sends a part of its body', 'POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000\r\n\r\nabc', 500],
  ])('that %s is closed when its time is over', async (_, text, atLeast) => {
    await start(LIMITS)
    const socket = await open()
    socket.write(text)
    expect(await closedAfter(socket)).toBeGreaterThan(atLeast - 50)
  })

  it('may wait for its answer longer than the request may take', async () => {
    await start(LIMITS)
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/slow`)
    expect(await response.text()).toBe('done')
  })

  it('over the limit is closed at once, and taken again when others are gone', async () => {
    await start({ ...LIMITS, headersTimeout: 400 })
    await Promise.all([open(), open(), open()])
    expect(await closedAfter(await open())).toBeLessThan(300)
    await Promise.all(sockets.slice(0, 3).map(closedAfter))
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    expect(response.status).toBe(200)
  })

  it('has 10 seconds for headers and 30 for the request, and stays open longer than nginx keeps it', async () => {
    await start()
    expect(server).toMatchObject({ headersTimeout: 10_000, requestTimeout: 30_000, maxConnections: 1_000 })
    expect(server.keepAliveTimeout).toBeGreaterThan(60_000)
  })
})
