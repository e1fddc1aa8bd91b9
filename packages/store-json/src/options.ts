import type { Clock, Logger } from '@pipe-comms/core'

export interface JsonEventStoreOptions {
  /** The folder of the day files; made when it is missing. Local disk: a network share may break the lock and the order of writes. */
  readonly dir: string
  /** Told of what was found and mended at opening. @default silent */
  readonly logger?: Logger
  /** Gives `recordedAt` and the day of the file. @default the system's clock */
  readonly clock?: Pick<Clock, 'now'>
}
