import { anyContactAddress, parseContactAddress } from '@pipe-comms/core'
import { simpleParser } from 'mailparser'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseInboundMail, type SmtpOptions, type SmtpTransport, smtpTransport } from './index.ts'
import { type Postfix, startPostfix, whyNoPostfix } from './testing/postfix.ts'

const reason = whyNoPostfix()
// In CI the tests run and fail: there the servers are installed.
const skipped = reason !== undefined && process.env.CI !== 'true'

describe.skipIf(skipped)(`through a real Postfix with TLS and login${skipped ? ` (skipped: ${reason})` : ''}`, () => {
  let postfix: Postfix
  let transports: SmtpTransport[] = []

  beforeAll(async () => {
    if (reason !== undefined) throw new Error(`CI must have Postfix: ${reason}`)
    postfix = await startPostfix()
  }, 30_000)
  afterEach(async () => {
    await Promise.all(transports.map((transport) => transport.close()))
    transports = []
  })
  afterAll(() => postfix?.stop())

  const open = (over: Partial<SmtpOptions> = {}, leftOut: readonly (keyof SmtpOptions)[] = []) => {
    const { port, ca, user, password } = postfix
    const given = Object.entries({ ca, user, password }).filter(([name]) => !leftOut.includes(name as keyof SmtpOptions))
    const transport = smtpTransport({
      ...Object.fromEntries(given),
      host: 'localhost',
      port,
      from: 'Sales <sales@example.com>',
      resolveTxt: false,
      ...over,
    })
    transports.push(transport)
    return transport
  }
  const signal = AbortSignal.timeout(30_000)
  const send = (transport: SmtpTransport, messageId: string, to = 'camille@example.org', over: object = {}) =>
    transport.send({ messageId, to: parseContactAddress(to), content: { subject: 'Devis', text: 'Bonjour' }, ...over }, { signal })
  const facts = async (raw: Buffer | undefined) => parseInboundMail(raw as Buffer, { account: 'sales@example.com' })

  it('a message is stored, its headers as promised', async () => {
    const receipt = await send(open({ unsubscribe: { url: 'https://example.com/u' } }), 'm-stored', 'Camille@example.org', {
      content: {
        subject: 'Dévis n° 1',
        html: '<p>Bonjour</p>',
        media: [{ kind: 'document', ref: 'a', fileName: 'devis.pdf', mimeType: 'application/pdf' }],
        thread: { references: ['<first@example.org>'] },
      },
      replyToProviderMessageId: 'question-1@example.org',
      openMedia: async () => ({ stream: new Blob(['%PDF-1.7']).stream() }),
    })
    expect(receipt).toMatchObject({
      providerMessageId: 'm-stored@example.com',
      extra: { response: expect.stringMatching(/^250 2\.0\.0 Ok: queued as/) },
    })

    const [raw] = await postfix.mails('camille', 1)
    const mail = await simpleParser(raw as Buffer)
    const { attachments, headers, ...rest } = mail
    expect(rest).toMatchObject({
      messageId: '<m-stored@example.com>',
      subject: 'Dévis n° 1',
      text: 'Bonjour',
      from: { value: [{ address: 'sales@example.com', name: 'Sales' }] },
      to: { value: [{ address: 'Camille@example.org' }] },
      inReplyTo: '<question-1@example.org>',
      references: ['<first@example.org>', '<question-1@example.org>'],
    })
    expect(attachments.map(({ filename, content }) => [filename, String(content)])).toEqual([['devis.pdf', '%PDF-1.7']])
    expect(headers.get('return-path')).toMatchObject({ value: [{ address: 'sales@example.com' }] })
    expect(String(headers.get('received'))).toContain('with ESMTPSA')
    expect(String(raw)).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click')
  })

  it('a bounce it writes is a failure of that message; a success, a delivery', async () => {
    const transport = open({ deliveryReports: 'all' })
    await send(transport, 'm-bounced', 'gone@example.org')
    expect(await facts((await postfix.mails('sales', 1))[0])).toMatchObject([
      {
        type: 'message.failed',
        messageId: 'm-bounced',
        providerMessageId: 'm-bounced@example.com',
        contact: { value: 'gone@example.org' },
        data: { error: { providerCode: '5.1.1', class: 'recipient', text: expect.stringContaining('The user has left') } },
      },
    ])
    await send(transport, 'm-delivered')
    const reports = await Promise.all((await postfix.mails('sales', 2)).map(facts))
    expect(reports.flat()).toContainEqual(
      expect.objectContaining({
        type: 'message.delivered',
        messageId: 'm-delivered',
        contact: expect.objectContaining({ value: 'camille@example.org' }),
      }),
    )
  })

  it.each([
    '"Camille Dupont"@shop.example.org',
    '"camille..d"@shop.example.org',
    'Camille@my_shop.example.org',
    `reply+${'a'.repeat(50)}.${'b'.repeat(50)}@shop.example.org`,
  ])('an answer to %s is taken as it is written', async (address) => {
    await expect(send(open(), `m-odd-${address.length}`, 'camille@example.org', { to: anyContactAddress(address) })).resolves.toMatchObject(
      {
        extra: { response: expect.stringMatching(/^250 2\.0\.0 Ok: queued as/) },
      },
    )
  })

  it('refusals are told apart', async () => {
    await expect(send(open(), 'm-1', 'nobody@example.org')).rejects.toMatchObject({
      code: 'send_rejected',
      failure: 'recipient',
      providerCode: '5.1.1',
    })
    await expect(send(open({ password: 'wrong' }), 'm-2')).rejects.toMatchObject({ code: 'transport_misconfigured', providerCode: '5.7.8' })
    await expect(send(open({ from: 'boss@example.com' }), 'm-3')).rejects.toMatchObject({ code: 'transport_misconfigured' })
    await expect(send(open({}, ['user', 'password']), 'm-4')).rejects.toMatchObject({ code: 'transport_misconfigured' })
    await expect(send(open({}, ['ca']), 'm-5')).rejects.toMatchObject({ code: 'transport_misconfigured' })
  })

  it('the probe finds nothing wrong, or what is', async () => {
    expect(await open().probe?.check({ signal })).toEqual([])
    expect(await open({ from: 'boss@example.com' }).probe?.check({ signal })).toMatchObject([
      { problem: expect.stringContaining('does not let') },
    ])
    expect(await open({ password: 'wrong' }).probe?.check({ signal })).toMatchObject([
      { problem: expect.stringContaining('refuses the login') },
    ])
  })
})
