import { z } from 'zod'
import { avatarInfo } from './contact.ts'
import { envelopeOf, fingerprint, type NotificationReader, present, reader, text, unixSeconds } from './notification.ts'

/** The phone behind the instance. Required: when, which tells one from the next. https://green-api.com/en/docs/api/receiving/notifications-format/DeviceInfo/ */
const deviceData: NotificationReader = reader(
  z.looseObject({
    deviceData: z.looseObject({
      platform: text,
      deviceManufacturer: text,
      deviceModel: text,
      osVersion: text,
      waVersion: text,
      battery: z.number().min(0).max(100).nullish(),
    }),
    timestamp: unixSeconds,
  }),
  ({ deviceData: data, timestamp }, notification) => {
    const { platform, deviceManufacturer: manufacturer, deviceModel: model, osVersion, waVersion: appVersion, battery } = data
    const batteryPercent = battery ?? undefined
    return [
      {
        type: 'transport.observed',
        ...envelopeOf(notification, 'device', fingerprint(timestamp, platform, manufacturer, model, osVersion, appVersion, batteryPercent)),
        data: { device: present({ platform, manufacturer, model, osVersion, appVersion, batteryPercent }) },
      },
    ]
  },
)

/** Two notifications share this `typeWebhook`: what is in them tells them apart. */
export const deviceInfo: NotificationReader = (notification) => {
  const { body } = notification
  return typeof body === 'object' && body !== null && 'avatarInfo' in body ? avatarInfo(notification) : deviceData(notification)
}
