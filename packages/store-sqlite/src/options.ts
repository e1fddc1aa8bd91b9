import type { Clock, Logger } from '@pipe-comms/core'

export interface SqliteEventStoreOptions {
  /**
   * The database file; made with its folder when it is missing. SQLite keeps `<file>-wal` and `<file>-shm` beside it: they belong to it.
   * Local disk: several processes may share the file, several machines may not (https://www.sqlite.org/wal.html).
   */
  readonly file: string
  /**
   * What an acknowledged append survives. `full`: a crash of the process, of the system, and a power cut, for the log is synced with
   * every commit. `normal`: a crash of the process only; a power cut or a crash of the system can take the newest acknowledged
   * appends, though it never damages the file (https://www.sqlite.org/pragma.html#pragma_synchronous). Take `normal` only for a log
   * that can be filled again from elsewhere.
   * @default 'full'
   */
  readonly synchronous?: 'full' | 'normal'
  /** Gives `recordedAt`. @default the system's clock */
  readonly clock?: Pick<Clock, 'now'>
  /** Told of schema migrations and of a writer thread that had to be started again. @default silent */
  readonly logger?: Logger
}
