import { isCommsError, parseContactAddress } from '@pipe-comms/core'
import { type SmtpStage, startSmtpSimulator } from '@pipe-comms/simulators'
import { smtpTransport } from '@pipe-comms/transport-smtp'
import { type Case, differs, jsonOf } from '../case.ts'

async function open() {
  const simulator = await startSmtpSimulator()
  const { port, ca, user, password } = simulator
  const from = 'Sales <sales@example.com>'
  const transport = smtpTransport({ host: 'localhost', port, ca, user, password, from, resolveTxt: false })
  const send = (to: string, text: string) =>
    transport.send(
      { messageId: 'm-1', to: parseContactAddress(to), content: { subject: 'Devis', text } },
      { signal: new AbortController().signal },
    )
  const close = async () => {
    await transport.close?.()
    await simulator.close()
  }
  return { simulator, send, close }
}

/** A relay refuses, in its own words. */
export async function smtpRefusal(given: Case): Promise<string[]> {
  const { at, reply } = await jsonOf<{ at: SmtpStage; reply: string }>(given)
  const { simulator, send, close } = await open()
  simulator.fault({ kind: 'refuse', at, reply })
  const error = await send('camille@example.org', 'Bonjour').then(
    () => undefined,
    (refused: unknown) => refused,
  )
  await close()
  if (!isCommsError(error)) return [`expected a refusal, got ${error}`]
  const { code, codes, failure, notFailure, orFailure } = given.expected as Record<string, string>
  if (codes?.includes(error.code) || (orFailure !== undefined && error.failure === orFailure)) return []
  return [
    ...(code === undefined ? [] : differs('code', code, error.code)),
    ...(failure === undefined ? [] : differs('failure', failure, error.failure)),
    ...(notFailure === undefined ? [] : [`expected ${codes}, got ${error.code} ${error.failure}`]),
  ]
}

/** A text or an address that another program could take for more than one message. */
export async function smtpSend(given: Case): Promise<string[]> {
  const { to = 'camille@example.org', text } = await jsonOf<{ to?: string; text: string }>(given)
  const { simulator, send, close } = await open()
  const error = await send(to, text).then(
    () => undefined,
    (refused: unknown) => refused,
  )
  const { inbox } = simulator
  const messages = inbox.messages.length
  await close()
  if (error) return isCommsError(error, 'send_rejected') && given.expected.rejectedOr === error.failure ? [] : [String(error)]
  return differs('messages', given.expected.messages ?? 1, messages)
}

/** Texts that hold more than one address. */
export async function smtpAddress(given: Case): Promise<string[]> {
  return (await jsonOf<readonly string[]>(given)).flatMap((text) => {
    try {
      return [`expected ${JSON.stringify(text)} to be refused, got ${parseContactAddress(text).value}`]
    } catch (error) {
      return isCommsError(error, 'address_invalid') ? [] : [String(error)]
    }
  })
}
