import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { OpenedMedia } from '@pipe-comms/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { outbound, running, transportTo } from '../testing/simulator.ts'

const MEBIBYTE = 1_048_576
let server: Server
let serve: (request: IncomingMessage, response: ServerResponse) => void

beforeEach(async () => {
  server = createServer((request, response) => serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const upload = (opened: () => OpenedMedia | Promise<OpenedMedia>, timeoutMs = 5_000) =>
  transportTo(
    { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, idInstance: '7105000001' },
    { uploadTimeoutMs: timeoutMs, timeoutMs: 1 },
  ).send(outbound({ media: [{ kind: 'video', ref: 'big', fileName: 'big.mp4' }] }, { openMedia: async () => opened() }), running())

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in buffers that somebody still holds. */
function heldBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** A file of so many mebibytes that is made as it is read. */
function file(mebibytes: number, onChunk: (index: number) => void = () => {}): ReadableStream<Uint8Array> {
  let index = 0
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (index === mebibytes) return controller.close()
        onChunk(index)
        controller.enqueue(new Uint8Array(MEBIBYTE).fill(index))
        index += 1
      },
    },
    { highWaterMark: 0 },
  )
}

it.each([true, false])('streams 95 MB and holds none of it (size known: %s)', async (known) => {
  const SIZE = 95
  let received = 0
  let headers: IncomingMessage['headers'] = {}
  serve = async (request, response) => {
    headers = request.headers
    for await (const chunk of request) received += chunk.length
    response.end('{"idMessage":"BAE5","urlFile":"https://media.example.com/big.mp4"}')
  }
  let most = 0
  const before = heldBytes()
  const stream = file(SIZE, (index) => {
    if (index % 10 === 9) most = Math.max(most, heldBytes() - before)
  })
  const receipt = await upload(() => ({ stream, ...(known ? { sizeBytes: SIZE * MEBIBYTE } : {}) }))
  expect(receipt).toEqual({ providerMessageId: 'BAE5', extra: { urlFile: 'https://media.example.com/big.mp4' } })
  expect(received).toBeGreaterThan(SIZE * MEBIBYTE)
  expect(headers['content-length']).toBe(known ? String(received) : undefined)
  // What is on its way through both ends of the connection, and not yet swept; a copy of the file would be 95.
  expect(most).toBeLessThan(45 * MEBIBYTE)
})

it('is certainly not sent when the file cannot be opened, or read to its end', async () => {
  serve = (request) => request.resume()
  const unavailable = { code: 'send_unavailable' }
  await expect(upload(() => Promise.reject(new Error('secret path')))).rejects.toMatchObject({
    ...unavailable,
    message: 'Green-API: the file big.mp4 could not be opened',
  })
  const broken = file(3, (index) => {
    if (index === 2) throw new Error('secret path')
  })
  await expect(upload(() => ({ stream: broken }))).rejects.toMatchObject({
    ...unavailable,
    message: 'Green-API: sendFileByUpload ended before the file was through (connection lost)',
  })
  await expect(upload(() => ({ stream: file(2), sizeBytes: 3 * MEBIBYTE }))).rejects.toMatchObject(unavailable)
  await expect(upload(() => ({ stream: file(2), sizeBytes: MEBIBYTE }))).rejects.toMatchObject(unavailable)
  const stuck = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
  await expect(upload(() => ({ stream: stuck }), 100)).rejects.toMatchObject(unavailable)
})

it('may have been sent when the file was through and the answer did not come', async () => {
  serve = (request) => request.resume()
  await expect(upload(() => ({ stream: file(1) }), 200)).rejects.toMatchObject({ code: 'send_uncertain' })
  serve = (request) => request.resume().on('end', () => request.socket.destroy())
  await expect(upload(() => ({ stream: file(1) }))).rejects.toMatchObject({ code: 'send_uncertain' })
})

it('is refused as too large, before its upload when its size is known, and its file is closed', async () => {
  let closed = false
  const stream = new ReadableStream<Uint8Array>({
    cancel: () => {
      closed = true
    },
  })
  const tooLarge = upload(() => ({ stream, sizeBytes: 101 * MEBIBYTE }))
  await expect(tooLarge).rejects.toMatchObject({ code: 'send_rejected', failure: 'content' })
  expect(closed).toBe(true)
  serve = (request, response) => request.resume().on('end', () => response.writeHead(413).end())
  await expect(upload(() => ({ stream: file(1) }))).rejects.toMatchObject({ code: 'send_rejected', failure: 'content' })
})
