export { espoCrmDirectory } from './espocrm-directory.ts'
export type { EspoCrmConnection, EspoCrmDirectoryOptions } from './options.ts'
export {
  type EspoCrmTracking,
  type EspoCrmTrackingOptions,
  type EspoCrmTrackingState,
  espoCrmTracking,
  type SetAside,
} from './tracking/espocrm-tracking.ts'
export { registerEspoCrmWebhooks } from './webhook/register.ts'
