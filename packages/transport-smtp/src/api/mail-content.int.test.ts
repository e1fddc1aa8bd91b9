import { createHash, generateKeyPairSync, verify } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Media, type MessageContent, parseContactAddress } from '@pipe-comms/core'
import type { SimulatedMail } from '@pipe-comms/simulators'
import { afterEach, describe, expect, it } from 'vitest'
import type { SmtpOptions } from '../index.ts'
import { type Pair, startPair } from '../testing/start-transport.ts'

let pair: Pair
afterEach(() => pair?.close())
const start = async (options?: Partial<SmtpOptions>) => {
  pair = await startPair(options)
  return pair
}
const last = () => pair.simulator.inbox.messages.at(-1) as SimulatedMail
/** A header as it went over the wire, unfolded. */
const header = (name: string, { mail } = last()) =>
  mail.headerLines
    .filter(({ key }) => key === name.toLowerCase())
    .map(({ line }) =>
      line
        .slice(line.indexOf(':') + 1)
        .replace(/\s+/g, ' ')
        .trim(),
    )
const bytes = (text: string) => new Blob([text]).stream()

describe('a mail', () => {
  it('says who, to whom, what; its Message-ID is made from our id and is the same on every attempt', async () => {
    const { simulator, send } = await start({ replyTo: 'answers@example.com' })
    simulator.fault({ kind: 'refuse', at: 'recipient', reply: '451 4.3.0 Later' }, 1)
    const content = { subject: 'Dévis n° 1', text: 'Bonjour,\n.\nà bientôt' }
    await expect(send({ content })).rejects.toMatchObject({ code: 'send_unavailable' })
    const receipt = await send({ content })
    expect(receipt).toEqual({
      providerMessageId: 'm-1@example.com',
      extra: { response: expect.stringMatching(/^250 2\.0\.0 Ok: queued as/) },
    })
    expect(header('Message-ID')).toEqual(['<m-1@example.com>'])
    expect(last()).toMatchObject({
      from: 'sales@example.com',
      to: ['camille@example.org'],
      secure: true,
      mail: {
        subject: 'Dévis n° 1',
        text: 'Bonjour,\n.\nà bientôt\n',
        from: { text: '"Sales" <sales@example.com>' },
        replyTo: { text: 'answers@example.com' },
      },
    })
    expect(last().mail.html).toBe(false)
  })

  it.each([
    ['evt 1/ä', 'evt=201/=C3=A4@example.com'],
    ['a..b.', 'a.=2Eb=2E@example.com'],
    ['x>\r\nBcc: y@example.org', 'x=3E=0D=0ABcc=3A=20y=40example.org@example.com'],
  ])('takes any messageId: %j', async (messageId, providerMessageId) => {
    const { send } = await start()
    expect((await send({ messageId })).providerMessageId).toBe(providerMessageId)
    expect(header('Message-ID')).toEqual([`<${providerMessageId}>`])
    expect(header('Bcc')).toEqual([])
  })

  it('goes to the address that wrote, and to an internationalised domain', async () => {
    const { send } = await start()
    await send({ to: parseContactAddress('Camille.Martin@Example.ORG') })
    expect(last().to).toEqual(['Camille.Martin@example.org'])
    await send({ to: parseContactAddress('camille@münchen.example.org') })
    expect(last().raw.toString()).toContain('To: camille@xn--mnchen-3ya.example.org')
  })

  it('in HTML has a text made from it', async () => {
    const { send } = await start()
    await send({ content: { html: '<h1>Devis</h1><p>Voir <a href="https://example.com/d">le devis</a></p><script>x()</script>' } })
    expect(last().mail.html).toContain('<h1>Devis</h1>')
    expect(last().mail.text).toMatch(/DEVIS\s+Voir le devis \[https:\/\/example\.com\/d\]/)
    expect(last().mail.text).not.toContain('x()')
    await send({ content: { html: '<p>a</p>', text: 'mine' } })
    expect(last().mail.text?.trim()).toBe('mine')
  })

  it.each([
    ['160,000 elements in elements', '<div>'.repeat(160_000)],
    ['1,500 tables in tables', '<table><tr><td>'.repeat(1_500)],
    ['450,000 characters', 'Bonjour '.repeat(56_250)],
  ])('in HTML of %s goes out without a text, and is judged at once', async (_, html) => {
    const { transport, send } = await start()
    const message = { messageId: 'm-1', to: parseContactAddress('camille@example.org'), content: { subject: 'x', html } }
    const before = process.cpuUsage()
    transport.check?.(message)
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(200)
    await send(message)
    expect(String(last().mail.html).trim()).toBe(html.trim())
    expect(last().raw.toString('latin1')).not.toContain('text/plain')
  })

  it('has the captions of its files in its text; beside HTML they are refused', async () => {
    const { transport, send } = await start()
    const media: Media[] = [
      { kind: 'image', ref: 'a', fileName: 'a.png', caption: 'Le plan' },
      { kind: 'document', ref: 'b', fileName: 'b.pdf', caption: 'Le devis' },
    ]
    const openMedia = async () => ({ stream: bytes('x') })
    await send({ content: { text: 'Bonjour', media }, openMedia })
    expect(last().mail.text).toBe('Bonjour\n\nLe plan\n\nLe devis')
    await send({ content: { media }, openMedia })
    expect(last().mail.text).toBe('Le plan\n\nLe devis')
    const message = { messageId: 'm-1', to: parseContactAddress('camille@example.org'), content: { html: '<p>x', media }, openMedia }
    expect(() => transport.check?.(message)).toThrow(expect.objectContaining({ code: 'send_rejected', failure: 'content' }))
  })

  it('that answers a received mail names its Message-ID', async () => {
    const { send } = await start()
    await send({ replyToProviderMessageId: 'their-1@example.org#0123456789abcdef' })
    expect([header('In-Reply-To'), header('References')]).toEqual([['<their-1@example.org>'], ['<their-1@example.org>']])
  })

  it('that answers stands in the thread', async () => {
    const { send } = await start()
    await send({
      replyToProviderMessageId: 'reply-1@example.org',
      content: { text: 'x', thread: { references: ['<first@example.com>', 'reply-1@example.org'] } },
    })
    expect(header('In-Reply-To')).toEqual(['<reply-1@example.org>'])
    expect(header('References')).toEqual(['<first@example.com> <reply-1@example.org>'])
  })

  it('may go in copy, from a machine, and answered elsewhere', async () => {
    const { send } = await start()
    const options = {
      cc: ['"Boss, the" <boss@example.com>'],
      bcc: ['archive@example.com'],
      replyTo: 'case-1@example.com',
      autoSubmitted: 'auto-generated',
    }
    await send({ options })
    expect(last().to).toEqual(['camille@example.org', 'boss@example.com', 'archive@example.com'])
    expect([header('Cc'), header('Bcc'), header('Reply-To'), header('Auto-Submitted')]).toEqual([
      ['"Boss, the" <boss@example.com>'],
      [],
      ['case-1@example.com'],
      ['auto-generated'],
    ])
  })

  it.each<[string, MessageContent, object?]>([
    ['nothing in it', {}],
    ['a subject of two lines', { text: 'x', subject: 'a\r\nBcc: y@example.org' }],
    ['a place', { text: 'x', location: { latitude: 1, longitude: 2 } }],
    ['a broken thread', { text: 'x', thread: { references: ['<a>\r\nX: y'] } }],
    ['a copy to two in one', { text: 'x' }, { cc: ['a@example.org\r\nRCPT TO:<b@example.org>'] }],
    ['an unknown option', { text: 'x' }, { priority: 'high' }],
    ['a file by path', { text: 'x', media: [{ kind: 'document', url: 'file:///etc/passwd' }] }],
    ['a file by URL', { text: 'x', media: [{ kind: 'document', url: 'https://example.com/x' }] }],
    ['a ref nobody can open', { text: 'x', media: [{ kind: 'document', ref: 'a' }] }],
  ])('with %s is refused before anything is sent', async (_, content, options) => {
    const { send, simulator } = await start()
    await expect(send({ content, ...(options ? { options: options as Record<string, unknown> } : {}) })).rejects.toMatchObject({
      code: 'send_rejected',
      failure: 'content',
    })
    expect(simulator.connections).toBe(0)
  })
})

describe('files', () => {
  it('are streamed from their refs, inline ones with their Content-ID', async () => {
    const { send } = await start()
    const media: MessageContent['media'] = [
      { kind: 'document', ref: 'a', fileName: 'devis é.pdf', mimeType: 'application/pdf' },
      { kind: 'image', ref: 'b', fileName: '../x.png', contentId: 'logo', mimeType: 'image/png\r\nX: y' },
    ]
    await send({ content: { html: '<img src="cid:logo">', media }, openMedia: async ({ ref }) => ({ stream: bytes(`bytes of ${ref}`) }) })
    expect(last().mail.attachments.map(({ filename, contentType, cid, content }) => [filename, contentType, cid, String(content)])).toEqual(
      [
        ['.._x.png', 'image/png', 'logo', 'bytes of b'],
        ['devis é.pdf', 'application/pdf', undefined, 'bytes of a'],
      ],
    )
  })

  it('that cannot be opened, or break in the middle, keep the mail back', async () => {
    const { send, simulator } = await start()
    const content = { text: 'x', media: [{ kind: 'document' as const, ref: 'a' }] }
    const closed = Promise.reject(new Error('no such file'))
    closed.catch(() => {})
    await expect(send({ content, openMedia: () => closed })).rejects.toMatchObject({ code: 'send_unavailable', message: /no such file/ })
    const early = [
      { kind: 'document' as const, ref: 'breaks' },
      { kind: 'document' as const, ref: 'slow' },
    ]
    const openMedia = async ({ ref }: Media) => {
      if (ref === 'breaks')
        return {
          stream: new ReadableStream<Uint8Array>({
            start: (controller) => queueMicrotask(() => controller.error(new Error('gone early'))),
          }),
        }
      await new Promise((resolve) => setImmediate(resolve))
      return { stream: bytes('late') }
    }
    await expect(send({ content: { text: 'x', media: early }, openMedia })).rejects.toMatchObject({
      code: 'send_unavailable',
      message: /gone early/,
    })
    let turns = 0
    const breaking = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          turns += 1
          if (turns > 40) controller.error(new Error('disk gone'))
          else controller.enqueue(new Uint8Array(65_536).fill(65))
        },
      })
    await expect(send({ content, openMedia: async () => ({ stream: breaking() }) })).rejects.toMatchObject({ code: 'send_unavailable' })
    expect(simulator.inbox.messages).toHaveLength(0)
    await send({ content, openMedia: async () => ({ stream: bytes('good') }) })
    expect(simulator.inbox.messages).toHaveLength(1)
  })

  it('come by URL only when that is allowed, and never by a redirect', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end()
      else if (request.url === '/file') response.end('from the web')
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
    const { send } = await start({ allowAttachmentUrls: true })
    const content = (path: string) => ({ text: 'x', media: [{ kind: 'document' as const, url: path, fileName: 'f.txt' }] })
    await send({ content: content(url('/file')) })
    expect(String(last().mail.attachments[0]?.content)).toBe('from the web')
    for (const path of [url('/moved'), url('/none'), 'file:///etc/passwd'])
      await expect(send({ content: content(path) }), path).rejects.toMatchObject({ code: 'send_unavailable' })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('List-Unsubscribe', () => {
  it('is one header, with one click', async () => {
    const { send } = await start({
      unsubscribe: ({ messageId }) => ({ url: `https://example.com/u?m=${messageId}`, mailto: 'unsubscribe@example.com?subject=stop' }),
    })
    await send()
    expect(header('List-Unsubscribe')).toEqual([
      '<https://example.com/u?m=m-1>, <mailto:unsubscribe@example.com?subject=stop%20optout-m-1>',
    ])
    expect(header('List-Unsubscribe-Post')).toEqual(['List-Unsubscribe=One-Click'])
  })

  it('without a URL has no one click; without both there is none', async () => {
    const { send } = await start({
      unsubscribe: ({ messageId }) => (messageId === 'm-1' ? { mailto: 'unsubscribe@example.com' } : undefined),
    })
    await send()
    expect([header('List-Unsubscribe'), header('List-Unsubscribe-Post')]).toEqual([
      ['<mailto:unsubscribe@example.com?subject=unsubscribe%20optout-m-1>'],
      [],
    ])
    await send({ messageId: 'm-2' })
    expect(header('List-Unsubscribe')).toEqual([])
  })

  it('holds the token of the message where it is wanted', async () => {
    const { send } = await start({ unsubscribe: { url: 'https://example.com/leave/{token}', mailto: 'leave+{token}@example.com' } })
    await send()
    expect(header('List-Unsubscribe')).toEqual(['<https://example.com/leave/optout-m-1>, <mailto:leave+optout-m-1@example.com>'])
  })

  it.each([{ url: 'http://example.com' }, { url: 'https://example.com/a,b' }, { mailto: 'a,b' }, {}])(
    'of %j is a mistake',
    async (unsubscribe) => {
      const { send } = await start({ unsubscribe })
      await expect(send()).rejects.toMatchObject({ code: 'configuration_invalid' })
    },
  )
})

describe('delivery status notifications', () => {
  it.each([
    ['failures', { envid: 'm-1', ret: 'HDRS', notify: 'FAILURE,DELAY' }],
    ['all', { envid: 'm-1', ret: 'HDRS', notify: 'SUCCESS,FAILURE,DELAY' }],
    ['none', {}],
  ] as const)('are asked for: %s', async (deliveryReports, dsn) => {
    const { send } = await start({ deliveryReports })
    await send()
    expect(last().dsn).toEqual(dsn)
  })

  it('are not asked of a server that has none', async () => {
    pair = await startPair({}, { dsn: false })
    await pair.send()
    expect(last().dsn).toEqual({})
  })
})

it('signs with DKIM, the unsubscribe headers included', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const { send } = await start({ dkim: { selector: 'mail', privateKey: pem }, unsubscribe: { url: 'https://example.com/u' } })
  await send()
  const [signature = ''] = header('DKIM-Signature')
  const tags = new Map(signature.split(';').map((tag) => [tag.split('=')[0]?.trim(), tag.slice(tag.indexOf('=') + 1).replace(/\s/g, '')]))
  expect([tags.get('d'), tags.get('s')]).toEqual(['example.com', 'mail'])
  const signed = (tags.get('h') ?? '').toLowerCase().split(':')
  for (const name of ['from', 'subject', 'list-unsubscribe', 'list-unsubscribe-post']) expect(signed).toContain(name)

  const raw = last().raw.toString('latin1')
  const body = raw.slice(raw.indexOf('\r\n\r\n') + 4)
  expect(tags.get('bh')).toBe(
    createHash('sha256')
      .update(`${body.replace(/(\r\n)+$/, '')}\r\n`, 'latin1')
      .digest('base64'),
  )
  const relaxed = signed.map((name) => `${name}:${header(name)[0]}\r\n`).join('')
  const own = `dkim-signature:${signature.replace(/ b=[^;]*$/, ' b=')}`
  expect(verify('sha256', Buffer.from(relaxed + own, 'latin1'), publicKey, Buffer.from(tags.get('b') ?? '', 'base64'))).toBe(true)
})
