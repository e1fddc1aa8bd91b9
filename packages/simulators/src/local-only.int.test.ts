import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { espoCrmSimulator, serveEspoCrm, startGreenApiSimulator, startSmtpSimulator, startTwilioSimulator } from './index.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const SERVERS: Readonly<Record<string, () => Promise<{ url: string; close(): Promise<unknown> }>>> = {
  'Green-API': () => startGreenApiSimulator(),
  Twilio: () => startTwilioSimulator(),
  EspoCRM: () => serveEspoCrm(espoCrmSimulator({ apiKey: 'api-key-for-tests' })),
  'SMTP inbox': async () => {
    const { inboxUrl = '', close } = await startSmtpSimulator({ inboxPort: 0 })
    return { url: inboxUrl, close }
  },
}

/** `fetch` does not let `Host` and `Origin` be chosen, as a browser would. */
function statusOf(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${url}/simulator/incoming`,
      { method: 'POST', headers: { 'content-type': 'text/plain', ...headers } },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      },
    )
    asked.once('error', reject)
    asked.end('From=%2B33639980001&Body=x')
  })
}

describe.each(Object.entries(SERVERS))('the simulated %s', (_, start) => {
  const started = async () => {
    const server = await start()
    closers.push(() => server.close())
    return { url: server.url, port: new URL(server.url).port }
  }

  it('refuses the calls of a web page elsewhere', async () => {
    const { url, port } = await started()
    for (const headers of [
      { host: `rebound.example.com:${port}` },
      { host: '127.0.0.1.example.com' },
      { origin: 'https://example.com' },
      { origin: 'null' },
      { host: `localhost:${port}`, origin: 'http://localhost.example.com' },
    ] as Record<string, string>[])
      expect(await statusOf(url, headers)).toBe(403)
  })

  it('takes calls from this machine, with and without a browser', async () => {
    const { url, port } = await started()
    for (const headers of [{}, { host: `localhost:${port}` }, { origin: 'http://localhost:3000' }, { origin: url }] as Record<
      string,
      string
    >[])
      expect(await statusOf(url, headers)).not.toBe(403)
  })
})
