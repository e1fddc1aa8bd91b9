import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  /** PEM. Signed by itself, so it is also what a client trusts. */
  readonly cert: string
  /** PEM. */
  readonly key: string
}

export interface CertificateOptions {
  /** DNS names and IPv4 addresses the certificate is for. */
  readonly hosts: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
}

/**
 * A certificate for one run, on the curve P-256. Node signs but does not write certificates, and the libraries that do bring twenty
 * packages; the few fields needed here are written by hand after https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 * @example
 * const { cert, key } = makeCertificate({ hosts: ['localhost'], notBefore: new Date(), notAfter: new Date('2049-01-01') })
 */
export function makeCertificate({ hosts, notBefore, notAfter }: CertificateOptions): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(oid('2.5.4.3'), der(0x0c, Buffer.from('Pipe Comms simulator')))))
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const certified = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(hosts, publicKey))),
  )
  const signature = sign('sha256', certified, privateKey)
  return {
    cert: pem('CERTIFICATE', sequence(certified, algorithm, der(0x03, Buffer.from([0]), signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

function extensions(hosts: readonly string[], publicKey: KeyObject): Buffer[] {
  const keyId = createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
  const names = hosts.map((host) =>
    /^\d+(\.\d+){3}$/.test(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
  )
  return [
    // Its own authority: clients that trust it check it against itself.
    sequence(oid('2.5.29.19'), TRUE, der(0x04, sequence(TRUE))),
    sequence(oid('2.5.29.14'), der(0x04, der(0x04, keyId))),
    sequence(oid('2.5.29.17'), der(0x04, sequence(...names))),
  ]
}

const TRUE = Buffer.from([0x01, 0x01, 0xff])

/** Tag, length, content: https://www.itu.int/rec/T-REC-X.690 */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length = Buffer.from(body.length.toString(16).padStart(4, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body])
}

const sequence = (...content: readonly Buffer[]) => der(0x30, ...content)
const set = (...content: readonly Buffer[]) => der(0x31, ...content)
const integer = (bytes: Buffer) => der(0x02, bytes)

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

/** UTCTime, which holds the years 1950 to 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
