import { createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { connectionError } from './connection-error.ts'

const failure = (url: string, init: RequestInit = {}) =>
  fetch(url, init).then(
    () => {
      throw new Error('expected a failure')
    },
    (error: unknown) => connectionError(error),
  )

/** A server that does this with each connection, and its URL. */
async function listening(serve: (socket: Socket) => void): Promise<{ url: string; close(): void }> {
  const server = createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`, close: () => server.close() }
}

it('says that nothing was sent when nobody listens, or the name is nowhere', async () => {
  const gone = await listening(() => {})
  gone.close()
  expect(await failure(gone.url)).toEqual({ reason: 'ECONNREFUSED', beforeRequest: true })
  expect(await failure('http://nowhere.invalid/')).toMatchObject({ beforeRequest: true })
})

it('says that it may have been sent when the connection breaks after the request', async () => {
  const rude = await listening((socket) => {
    socket.once('data', () => socket.destroy())
  })
  expect(await failure(rude.url, { method: 'POST', body: 'x' })).toMatchObject({ beforeRequest: false })
  rude.close()
})

it('says that it may have been sent when it does not know', () => {
  expect(connectionError(new Error('odd'))).toEqual({ beforeRequest: false })
  expect(connectionError(undefined)).toEqual({ beforeRequest: false })
  const reset = Object.assign(new Error('read'), { code: 'ECONNREFUSED', syscall: 'write' })
  expect(connectionError(reset)).toEqual({ reason: 'ECONNREFUSED', beforeRequest: false })
})
