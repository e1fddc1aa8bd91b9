import { MAX_DEPTH, MAX_HEADER_BYTES, MAX_HEADERS, MAX_PARTS } from './mail-limits.ts'

/**
 * One part of a mail, or the mail itself. Reports need their parts as they stand: mailparser folds `message/delivery-status` into the text.
 * Understands what can be understood and never throws.
 */
export interface MimeEntity {
  /** Bytes of the header, and how many fields are in it, up to one more than the limit of each. */
  readonly headerSize: { readonly bytes: number; readonly fields: number }
  /** The first header of this name, unfolded. */
  header(name: string): string | undefined
  headers(name: string): readonly string[]
  /** Lower case, such as `text/plain`. */
  readonly type: string
  /** A parameter of Content-Type, such as `report-type`. */
  parameter(name: string): string | undefined
  /** Decoded from its transfer encoding, as UTF-8 where it is that, else byte for byte. */
  text(): string
  /** Of a multipart, in order; a message inside a message is one part and stays closed. */
  parts(): readonly MimeEntity[]
}

/** @param raw one character a byte */
export function readEntity(raw: string, depth = 0): MimeEntity {
  const [, blankLine] = /(?:^|\r?\n)(\r?\n)/d.exec(raw)?.indices ?? []
  const body = blankLine ? raw.slice(blankLine[1]) : ''
  const header = raw.slice(0, Math.min(blankLine?.[0] ?? raw.length, MAX_HEADER_BYTES + 1))
  const fields = readFields(header)
  let parts: readonly MimeEntity[] | undefined
  const headers = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value)
  const contentType = headers('content-type')[0] ?? 'text/plain'
  const type = (/^\s*([\w.+-]+\/[\w.+-]+)/.exec(contentType)?.[1] ?? 'text/plain').toLowerCase()
  const parameter = (name: string) => parametersOf(contentType).get(name)
  const split = () => {
    const boundary = type.startsWith('multipart/') ? parameter('boundary') : undefined
    if (boundary === undefined || depth >= MAX_DEPTH) return []
    return splitAt(body, boundary).map((part) => readEntity(part, depth + 1))
  }
  return {
    headerSize: { bytes: header.length, fields: fields.length },
    header: (name) => headers(name)[0],
    headers,
    type,
    parameter,
    text: () => decodeText(body, headers('content-transfer-encoding')[0]),
    parts() {
      parts ??= split()
      return parts
    },
  }
}

/** Every part of these types, in order, at any depth. */
export function partsOfType(entity: MimeEntity, types: readonly string[]): MimeEntity[] {
  return entity.parts().flatMap((part) => (types.includes(part.type) ? [part] : partsOfType(part, types)))
}

export interface Field {
  /** Lower case. */
  readonly name: string
  readonly value: string
}

/** `Name: value` lines, those that go on with a space joined to the one before. Reads up to one field more than a mail may have. */
export function readFields(block: string): Field[] {
  const fields: { name: string; lines: string[] }[] = []
  for (const line of block.slice(0, MAX_HEADER_BYTES + 1).split(/\r?\n/)) {
    if (/^[ \t]/.test(line)) {
      fields.at(-1)?.lines.push(line.trim())
      continue
    }
    if (fields.length > MAX_HEADERS) break
    const colon = line.indexOf(':')
    if (colon > 0 && /^[\x21-\x7e]+[ \t]*$/.test(line.slice(0, colon)))
      fields.push({ name: line.slice(0, colon).trimEnd().toLowerCase(), lines: [line.slice(colon + 1).trim()] })
  }
  // Joined once: adding each line to the value before it would copy the value once a line.
  return fields.map(({ name, lines }) => ({ name, value: lines.join(' ').trim() }))
}

function parametersOf(contentType: string): Map<string, string> {
  const found = contentType.slice(0, 8_192).matchAll(/;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g)
  return new Map([...found].map(([, name = '', quoted, plain = '']) => [name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain]))
}

/** A delimiter is the whole of its line, so that `--outer` is not taken for the start of `--outer--inner`. */
function splitAt(body: string, boundary: string): string[] {
  const parts: string[] = []
  let current: string[] | undefined
  for (const line of body.split(/\r?\n/)) {
    const after = line.startsWith(`--${boundary}`) ? line.slice(boundary.length + 2).trimEnd() : undefined
    if (after !== '' && after !== '--') {
      current?.push(line)
      continue
    }
    if (current) parts.push(current.join('\r\n'))
    if (after === '--' || parts.length >= MAX_PARTS) return parts
    current = []
  }
  // A report that was cut off still says something.
  if (current) parts.push(current.join('\r\n'))
  return parts
}

function decodeText(body: string, encoding = ''): string {
  const bytes = decodeBytes(body, encoding.trim().toLowerCase())
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}

function decodeBytes(body: string, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body, 'base64')
  if (encoding !== 'quoted-printable') return Buffer.from(body, 'latin1')
  const joined = body.replace(/(?<![ \t])[ \t]*=\r?\n/g, '')
  return Buffer.from(
    joined.replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
