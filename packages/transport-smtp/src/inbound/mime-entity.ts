/**
 * One part of a mail, or the mail itself. Reports need their parts as they stand: mailparser folds `message/delivery-status` into the text.
 * Understands what can be understood and never throws.
 */
export interface MimeEntity {
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

const MAX_DEPTH = 10
const MAX_PARTS = 200

/** @param raw one character a byte */
export function readEntity(raw: string, depth = 0): MimeEntity {
  const [, blankLine] = /(?:^|\r?\n)(\r?\n)/d.exec(raw)?.indices ?? []
  const body = blankLine ? raw.slice(blankLine[1]) : ''
  const fields = readFields(blankLine ? raw.slice(0, blankLine[0]) : raw)
  const headers = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value)
  const contentType = headers('content-type')[0] ?? 'text/plain'
  const type = (/^\s*([\w.+-]+\/[\w.+-]+)/.exec(contentType)?.[1] ?? 'text/plain').toLowerCase()
  const parameter = (name: string) => parametersOf(contentType).get(name)
  return {
    header: (name) => headers(name)[0],
    headers,
    type,
    parameter,
    text: () => decodeText(body, headers('content-transfer-encoding')[0]),
    parts() {
      const boundary = type.startsWith('multipart/') ? parameter('boundary') : undefined
      if (boundary === undefined || depth >= MAX_DEPTH) return []
      return splitAt(body, boundary).map((part) => readEntity(part, depth + 1))
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

/** `Name: value` lines, those that go on with a space joined to the one before. */
export function readFields(block: string): Field[] {
  const fields: { name: string; value: string }[] = []
  for (const line of block.split(/\r?\n/)) {
    const last = fields.at(-1)
    if (/^[ \t]/.test(line)) {
      if (last) last.value = `${last.value} ${line.trim()}`.trim()
      continue
    }
    const colon = line.indexOf(':')
    if (colon > 0 && /^[\x21-\x7e]+[ \t]*$/.test(line.slice(0, colon)))
      fields.push({ name: line.slice(0, colon).trimEnd().toLowerCase(), value: line.slice(colon + 1).trim() })
  }
  return fields
}

function parametersOf(contentType: string): Map<string, string> {
  const found = contentType.matchAll(/;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/g)
  return new Map([...found].map(([, name = '', quoted, plain = '']) => [name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain]))
}

function splitAt(body: string, boundary: string): string[] {
  const parts: string[] = []
  let current: string[] | undefined
  for (const line of body.split(/\r?\n/)) {
    const isDelimiter = line.startsWith(`--${boundary}`)
    if (!isDelimiter) {
      current?.push(line)
      continue
    }
    if (current) parts.push(current.join('\r\n'))
    if (line.slice(boundary.length + 2).startsWith('--') || parts.length >= MAX_PARTS) return parts
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
  const joined = body.replace(/[ \t]*=\r?\n/g, '')
  return Buffer.from(
    joined.replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
