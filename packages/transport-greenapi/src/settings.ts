import { CommsError } from '@pipe-comms/core'
import { z } from 'zod'
import { type InstanceApi, parsed } from './api/instance.ts'
import type { CheckedOptions } from './options.ts'

const flag = z.string().optional()

/** The settings that matter to us; the rest is let pass. https://green-api.com/en/docs/api/account/GetSettings/ */
const settingsSchema = z.looseObject({
  webhookUrl: z.string().nullish(),
  webhookUrlToken: z.string().nullish(),
  delaySendMessagesMilliseconds: z.number().optional(),
  incomingWebhook: flag,
  outgoingWebhook: flag,
  outgoingMessageWebhook: flag,
  outgoingAPIMessageWebhook: flag,
  stateWebhook: flag,
  pollMessageWebhook: flag,
  editedMessageWebhook: flag,
  deletedMessageWebhook: flag,
  incomingCallWebhook: flag,
  outgoingCallWebhook: flag,
  enableLidMode: flag,
})
export type InstanceSettings = z.infer<typeof settingsSchema>

/** What each kind of notification tells; all of them should be on. A new instance has them off. */
export const KINDS = {
  incomingWebhook: 'messages that leads write',
  outgoingWebhook: 'whether messages are sent, delivered and read',
  outgoingMessageWebhook: 'messages that staff types on the phone',
  outgoingAPIMessageWebhook: 'the echo of messages that we send',
  stateWebhook: 'that the instance is logged out or suspended',
  pollMessageWebhook: 'votes in polls',
  editedMessageWebhook: 'edits',
  deletedMessageWebhook: 'deletions',
  incomingCallWebhook: 'incoming calls',
  outgoingCallWebhook: 'outgoing calls',
} as const

/** @throws CommsError `send_unavailable`, `transport_misconfigured` */
export async function getSettings(api: InstanceApi, signal: AbortSignal): Promise<InstanceSettings> {
  const text = await api.call({ method: 'getSettings', verb: 'GET', lost: 'send_unavailable', signal })
  const settings = settingsSchema.safeParse(parsed(text))
  if (settings.success) return settings.data
  throw new CommsError('send_unavailable', 'Green-API: getSettings answered with success and without settings')
}

export interface ApplySettingsOptions {
  /** Milliseconds between two messages that the instance sends, 500 to 600000; at most 300000 is recommended. @default left as it is */
  readonly delaySendMessagesMilliseconds?: number
  readonly signal?: AbortSignal
}

/**
 * Writes what we need into the instance's settings and gives the names of those that were wrong; when none was, nothing is written.
 * Writing reboots the instance: it takes no messages meanwhile, and the settings show within 5 minutes.
 * https://green-api.com/en/docs/api/account/SetSettings/
 * @throws CommsError `configuration_invalid` without `publicUrl`, and as any call.
 */
export async function applySettings(
  api: InstanceApi,
  { delaySendMessagesMilliseconds, signal }: ApplySettingsOptions,
): Promise<readonly string[]> {
  const { options } = api
  const until = signal ?? new AbortController().signal
  const current: Readonly<Record<string, unknown>> = await getSettings(api, until)
  const wanted: Record<string, unknown> = {
    ...wantedAddress(options),
    ...Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 'yes'])),
    ...(delaySendMessagesMilliseconds === undefined ? {} : { delaySendMessagesMilliseconds }),
  }
  // A kind that this instance does not know would have the whole call refused.
  const wrong = Object.keys(wanted).filter((name) => current[name] !== wanted[name] && (current[name] !== undefined || !(name in KINDS)))
  if (wrong.length === 0) return []
  const body = Object.fromEntries(wrong.map((name) => [name, wanted[name]]))
  const text = await api.call({ method: 'setSettings', body, lost: 'send_unavailable', signal: until })
  if ((parsed(text) as { saveSettings?: unknown } | undefined)?.saveSettings !== true)
    throw new CommsError('send_unavailable', 'Green-API: setSettings did not say that the settings were saved')
  return wrong
}

/** An instance that is asked must have no URL, or it refuses to answer. */
function wantedAddress(options: CheckedOptions): Record<string, string> {
  if (options.inbox) return { webhookUrl: '' }
  const url = webhookUrlOf(options)
  if (url === undefined)
    throw new CommsError('configuration_invalid', 'greenApiTransport: publicUrl: expected the URL under which Green-API reaches our server')
  return { webhookUrl: url, ...(options.webhookToken === undefined ? {} : { webhookUrlToken: options.webhookToken }) }
}

/** Where Green-API should call us. */
export function webhookUrlOf({ publicUrl, webhookPath }: CheckedOptions): string | undefined {
  return publicUrl === undefined ? undefined : `${publicUrl}${webhookPath}`
}
