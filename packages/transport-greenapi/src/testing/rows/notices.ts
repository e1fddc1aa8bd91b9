import { ID_INSTANCE, messageStatus, notice, TIMESTAMP } from '../notifications.ts'
import { CAMILLE, phone, type Row, row } from './row.ts'

const status = (status: string, fields: object, fact: { readonly type: Row['fact']['type']; readonly data: object }) => {
  const id = `BAE5${Object.keys(fields).length}`
  return row('outgoingMessageStatus', [status, ...Object.values(fields)].join(', '), messageStatus(id, status, fields), {
    key: `status:33639980001@c.us:${id}:${status}`,
    direction: 'outbound',
    contact: CAMILLE,
    messageId: `greenapi:${id}`,
    providerMessageId: id,
    ...fact,
  })
}
const failed = (providerCode: string, error: object, fields: object = {}) =>
  status(providerCode, fields, { type: 'message.failed', data: { error: { providerCode, ...error } } })

const call = (typeWebhook: 'incomingCall' | 'outgoingCall', status: string, data: object, fields: object = {}) => {
  const direction = typeWebhook === 'incomingCall' ? 'inbound' : 'outbound'
  const idMessage = `CALL${direction}`
  return row(typeWebhook, status, notice(typeWebhook, { from: '33639980001@c.us', idMessage, status, ...fields }), {
    type: 'call.observed',
    key: `call:33639980001@c.us:${idMessage}:${status}`,
    direction,
    contact: CAMILLE,
    providerMessageId: idMessage,
    data: { providerStatus: status, ...data },
  })
}
const details = { isVideo: true, duration: 42, participants: [{ id: '33639980001@c.us', status: 'pickUp' }] }
const seen = { video: true, durationSeconds: 42, participants: [CAMILLE] }

const state = (stateInstance: string, becomes: string) =>
  row('stateInstanceChanged', stateInstance, notice('stateInstanceChanged', { stateInstance }), {
    type: 'transport.state_changed',
    key: `state:${TIMESTAMP}:${stateInstance}`,
    data: { state: becomes, providerState: stateInstance },
  })
const connection = (statusInstance: string, becomes: string) =>
  row('statusInstanceChanged', statusInstance, notice('statusInstanceChanged', { statusInstance }), {
    type: 'transport.state_changed',
    key: `connection:${TIMESTAMP}:${statusInstance}`,
    data: { state: becomes, providerState: statusInstance },
  })

const description = 'Monthly quota has been exceeded. You can only send to: 33639980001@c.us'
const quota = { method: 'correspondents', status: 'CORRESPONDENTS_QUOTA_EXCEEDED', description }

/** All that is no message. */
export const NOTICE_ROWS: readonly Row[] = [
  status('pending', {}, { type: 'message.sent', data: { origin: 'api', extra: { status: 'pending' } } }),
  status('sent', {}, { type: 'message.sent', data: { origin: 'api' } }),
  status('sent', { sendByApi: false }, { type: 'message.sent', data: { origin: 'device' } }),
  status('delivered', {}, { type: 'message.delivered', data: { byApi: true } }),
  status('read', {}, { type: 'message.read', data: { byApi: true } }),
  status('read', { sendByApi: false, description: 'seen' }, { type: 'message.read', data: { byApi: false, description: 'seen' } }),
  failed('failed', { code: 'failed', class: 'provider' }),
  failed('failed', { code: 'group-too-large', class: 'policy', text: 'SWE004: 1000' }, { description: 'SWE004: 1000' }),
  failed('noAccount', { code: 'no-account', class: 'recipient' }),
  failed('notInGroup', { code: 'not-in-group', class: 'recipient' }),
  failed('noActiveSession', { code: 'no-active-session', class: 'policy' }),
  failed('yellowCard', { code: 'account-suspended', class: 'policy' }),

  call('incomingCall', 'offer', { status: 'ringing' }),
  call('incomingCall', 'pickUp', { status: 'taken' }),
  call('incomingCall', 'hangUp', { status: 'rejected' }),
  call('incomingCall', 'hungUp', { status: 'rejected' }),
  call('incomingCall', 'missed', { status: 'missed' }),
  call('incomingCall', 'declined', { status: 'missed' }),
  call('outgoingCall', 'pickUp', { status: 'taken', ...seen }, details),
  call('outgoingCall', 'hungUp', { status: 'missed' }),
  call('outgoingCall', 'hangUp', { status: 'missed' }),
  call('outgoingCall', 'invalid', { status: 'invalid' }),

  row('incomingBlock', 'blocked', notice('incomingBlock', { chatId: '33639980001@c.us', chatState: 'blocked' }), {
    type: 'contact.opted_out',
    key: `blocked:33639980001@c.us:${TIMESTAMP}`,
    direction: 'inbound',
    contact: CAMILLE,
    data: { reason: 'blocked' },
  }),

  state('authorized', 'ready'),
  state('notAuthorized', 'logged-out'),
  state('pendingCode', 'logged-out'),
  state('pendingPassword', 'logged-out'),
  state('blocked', 'blocked'),
  state('starting', 'starting'),
  state('sleepMode', 'asleep'),
  state('yellowCard', 'suspended'),
  state('suspended', 'suspended'),
  connection('online', 'ready'),
  connection('offline', 'offline'),

  row(
    'deviceInfo',
    'with deviceData',
    notice('deviceInfo', {
      deviceData: {
        platform: 'android',
        deviceManufacturer: 'Fairphone',
        deviceModel: 'FP5',
        osVersion: '15',
        waVersion: '2.25.1',
        battery: 90,
      },
    }),
    {
      type: 'transport.observed',
      key: 'device:b5346dfbb66a846172b871577f3b35bc',
      data: {
        device: { platform: 'android', manufacturer: 'Fairphone', model: 'FP5', osVersion: '15', appVersion: '2.25.1', batteryPercent: 90 },
      },
    },
  ),
  row(
    'deviceInfo',
    'with avatarInfo',
    notice('deviceInfo', { avatarInfo: { chatId: '33639980002@c.us', urlAvatar: 'https://media.example.com/avatar.jpg' } }),
    {
      type: 'contact.observed',
      key: 'avatar:33639980002@c.us:f5caef2867cd5ac555a84f03262eb291',
      contact: phone('33639980002'),
      data: { avatarUrl: 'https://media.example.com/avatar.jpg' },
    },
  ),
  row(
    'deviceInfo',
    'with avatarInfo that has none',
    notice('deviceInfo', { avatarInfo: { chatId: '33639980002@c.us', urlAvatar: '', reason: 'not shown to us' } }),
    {
      type: 'contact.observed',
      key: 'avatar:33639980002@c.us:1fbba04d3ea4ad371253a9a78e45687d',
      contact: phone('33639980002'),
      data: { description: 'not shown to us' },
    },
  ),

  row('quotaExceeded', 'with a time, its numbers as texts', notice('quotaExceeded', { quotaData: { ...quota, used: '3', total: '3' } }), {
    type: 'transport.quota_reached',
    key: 'quota:correspondents:1f6e39da22d30a4029c272e7d2b84566',
    data: { quota: 'correspondents', used: 3, limit: 3, description },
  }),
  row(
    'quotaExceeded',
    'without a time',
    {
      typeWebhook: 'quotaExceeded',
      instanceData: { idInstance: ID_INSTANCE, wid: '33639980010@c.us', typeInstance: 'whatsapp' },
      quotaData: { ...quota, used: 3, total: 3 },
    },
    {
      type: 'transport.quota_reached',
      key: 'quota:correspondents:6a20cd6e2ef79c711040c85a6335957e',
      occurredAt: undefined,
      data: { quota: 'correspondents', used: 3, limit: 3, description },
    },
  ),
]
