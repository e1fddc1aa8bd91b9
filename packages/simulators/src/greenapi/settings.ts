import { z } from 'zod'

const flag = z.enum(['yes', 'no'])

/** https://green-api.com/en/docs/api/account/SetSettings/ */
const allSettings = z.strictObject({
  webhookUrl: z.string(),
  webhookUrlToken: z.string(),
  delaySendMessagesMilliseconds: z.number().int().min(500).max(600_000),
  markIncomingMessagesReaded: flag,
  markIncomingMessagesReadedOnReply: flag,
  sharedSession: flag,
  outgoingWebhook: flag,
  outgoingMessageWebhook: flag,
  outgoingAPIMessageWebhook: flag,
  incomingWebhook: flag,
  deviceWebhook: flag,
  statusInstanceWebhook: flag,
  stateWebhook: flag,
  enableMessagesHistory: flag,
  keepOnlineStatus: flag,
  pollMessageWebhook: flag,
  incomingBlockWebhook: flag,
  incomingCallWebhook: flag,
  outgoingCallWebhook: flag,
  editedMessageWebhook: flag,
  deletedMessageWebhook: flag,
  autoTyping: z.number().int().min(0).max(10),
  linkPreview: flag,
  enableLidMode: flag,
})
export const settingsSchema = allSettings.partial()

/** The settings of an instance, as `getSettings` names them. */
export type GreenApiSettings = z.infer<typeof allSettings>

/** A new instance notifies of nothing. */
export const newInstanceSettings: GreenApiSettings = {
  webhookUrl: '',
  webhookUrlToken: '',
  delaySendMessagesMilliseconds: 500,
  markIncomingMessagesReaded: 'no',
  markIncomingMessagesReadedOnReply: 'no',
  sharedSession: 'no',
  outgoingWebhook: 'no',
  outgoingMessageWebhook: 'no',
  outgoingAPIMessageWebhook: 'no',
  incomingWebhook: 'no',
  deviceWebhook: 'no',
  statusInstanceWebhook: 'no',
  stateWebhook: 'no',
  enableMessagesHistory: 'no',
  keepOnlineStatus: 'no',
  pollMessageWebhook: 'no',
  incomingBlockWebhook: 'no',
  incomingCallWebhook: 'no',
  outgoingCallWebhook: 'no',
  editedMessageWebhook: 'no',
  deletedMessageWebhook: 'no',
  autoTyping: 0,
  linkPreview: 'yes',
  enableLidMode: 'no',
}
