export interface MultipartFile {
  readonly field: string
  readonly fileName: string
  readonly mimeType: string
  readonly stream: ReadableStream<Uint8Array>
  /** Bytes in the stream, when known. */
  readonly sizeBytes?: number
}

/** A form on its way out, never held whole. */
export interface MultipartForm {
  readonly headers: Readonly<Record<string, string>>
  readonly stream: ReadableStream<Uint8Array>
  /** Whether the closing line was handed over: before that, the form is not whole for anybody. */
  complete(): boolean
}

/**
 * A form of fields and one file, as RFC 7578 and the browsers write it. `FormData` would hold the file whole.
 * @param boundary must not occur in the file
 */
export function multipartForm(fields: Readonly<Record<string, string>>, file: MultipartFile, boundary: string): MultipartForm {
  const encoder = new TextEncoder()
  const head = encoder.encode(
    [
      ...Object.entries(fields).map(
        ([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
      ),
      `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(file.field)}"; filename="${quoted(file.fileName)}"\r\n`,
      `content-type: ${file.mimeType.replace(/[\r\n]/g, '')}\r\n\r\n`,
    ].join(''),
  )
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`)
  let complete = false
  let bytes = 0

  const reader = file.stream.getReader()
  let begun = false
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!begun) {
          begun = true
          return controller.enqueue(head)
        }
        const { done, value } = await reader.read()
        if (!done) {
          bytes += value.byteLength
          return controller.enqueue(value)
        }
        if (file.sizeBytes !== undefined && bytes !== file.sizeBytes)
          throw new RangeError(`expected a file of ${file.sizeBytes} bytes, got ${bytes}`)
        complete = true
        controller.enqueue(tail)
        controller.close()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )

  const length = file.sizeBytes === undefined ? {} : { 'content-length': String(head.length + file.sizeBytes + tail.length) }
  return { stream, headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, ...length }, complete: () => complete }
}

/** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function quoted(text: string): string {
  return text.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22')
}
