import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { CheckedOptions } from '../options.ts'

export interface Reply {
  readonly code: number
  /** All lines, without their codes. */
  readonly text: string
}

/** A conversation with the server, one command at a time: nodemailer can log in or send, but not stop before DATA. */
export interface SmtpDialogue {
  readonly greeting: Reply
  command(line: string): Promise<Reply>
  /** Goes on over TLS after the server agreed to STARTTLS. */
  startTls(): Promise<void>
  /** When the server's certificate ends; nothing in plain text. */
  certificateEnd(): Date | undefined
  close(): void
}

/** @throws the error of the socket, TLS or the signal. */
export async function openDialogue(options: CheckedOptions, signal: AbortSignal): Promise<SmtpDialogue> {
  const { host, port, tls, ca, connectTimeoutMs } = options
  const secured = { ...(isIP(host) ? {} : { servername: host }), ...(ca === undefined ? {} : { ca }), minVersion: 'TLSv1.2' as const }
  let socket: Socket | TLSSocket = tls === 'implicit' ? connectTls({ host, port, ...secured }) : connectTcp({ host, port })
  let lines = linesOf(socket, signal, connectTimeoutMs)
  const dialogue = {
    greeting: await lines.reply(),
    command(line: string) {
      socket.write(`${line}\r\n`)
      return lines.reply()
    },
    async startTls() {
      lines.stop()
      const upgraded = connectTls({ socket, ...(isIP(host) ? { host } : {}), ...secured })
      socket = upgraded
      lines = linesOf(upgraded, signal, connectTimeoutMs)
      await lines.until(new Promise<void>((resolve) => upgraded.once('secureConnect', resolve)))
    },
    certificateEnd() {
      const certificate = 'getPeerCertificate' in socket ? socket.getPeerCertificate() : undefined
      return certificate?.valid_to ? new Date(certificate.valid_to) : undefined
    },
    close() {
      lines.stop()
      socket.on('error', () => {})
      socket.destroy()
    },
  }
  return dialogue
}

/** Replies as they come. `250-` lines go on, `250 ` ends. https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1 */
function linesOf(socket: Socket, signal: AbortSignal, timeoutMs: number) {
  let text = ''
  const onData = (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-65_536)
    wake?.()
  }
  let wake: (() => void) | undefined
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const onError = (error: Error) => fail(error)
  const onClose = () => fail(new Error('the server closed the connection'))
  const onAbort = () => fail(new Error('stopped'))
  const stop = () => {
    socket.off('data', onData).off('error', onError).off('close', onClose)
    signal.removeEventListener('abort', onAbort)
  }
  const until = async <Value>(wanted: Promise<Value>): Promise<Value> => {
    const timer = setTimeout(() => fail(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
    try {
      return await Promise.race([wanted, failed])
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
  socket.on('data', onData).on('error', onError).on('close', onClose)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()

  const next = async (): Promise<Reply> => {
    for (;;) {
      const [whole] = /^(\d{3}-.*\r?\n)*\d{3}( .*)?\r?\n/.exec(text) ?? []
      if (whole !== undefined) {
        text = text.slice(whole.length)
        return { code: Number(whole.trimEnd().split('\n').at(-1)?.slice(0, 3)), text: whole.replace(/^\d{3}[ -]?/gm, '').trim() }
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { reply: () => until(next()), until, stop }
}
