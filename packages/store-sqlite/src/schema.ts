import { CommsError } from '@pipe-comms/core'
import type { Database } from 'better-sqlite3'
import { logIdOf, nameLog } from './log-identity.ts'

/** "PCms": marks the file as ours (https://www.sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x50436d73

/**
 * `migrations[n]` brings a file from schema n to n + 1; a published one never changes. Names are plain words that no SQL dialect
 * reserves. `event_json` is the whole event as JSON text and the truth; the other columns repeat what is searched for, names as
 * `toColumn` writes them.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE message_events (
    event_position  INTEGER PRIMARY KEY,
    stream_id       TEXT NOT NULL,
    stream_version  INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    channel         TEXT NOT NULL,
    lead_id         TEXT,
    message_id      TEXT,
    occurred_at     TEXT NOT NULL,
    recorded_at     TEXT NOT NULL,
    event_json      TEXT NOT NULL
  ) STRICT;

  CREATE UNIQUE INDEX message_events_by_stream ON message_events (stream_id, stream_version);
  CREATE UNIQUE INDEX message_events_by_key ON message_events (idempotency_key);
  CREATE INDEX message_events_by_lead ON message_events (lead_id) WHERE lead_id IS NOT NULL;
  CREATE INDEX message_events_by_message ON message_events (message_id) WHERE message_id IS NOT NULL;
  CREATE INDEX message_events_by_channel_and_time ON message_events (channel, occurred_at);

  CREATE TRIGGER message_events_refuse_update BEFORE UPDATE ON message_events
  BEGIN SELECT RAISE(ABORT, 'message_events is append-only: UPDATE refused'); END;

  CREATE TRIGGER message_events_refuse_delete BEFORE DELETE ON message_events
  BEGIN SELECT RAISE(ABORT, 'message_events is append-only: DELETE refused'); END;

  -- INSERT OR REPLACE deletes the older row without firing the trigger above (https://www.sqlite.org/lang_conflict.html).
  CREATE TRIGGER message_events_refuse_replace BEFORE INSERT ON message_events
  WHEN EXISTS (SELECT 1 FROM message_events WHERE idempotency_key = NEW.idempotency_key)
    OR EXISTS (SELECT 1 FROM message_events WHERE stream_id = NEW.stream_id AND stream_version = NEW.stream_version)
    OR EXISTS (SELECT 1 FROM message_events WHERE event_position = NEW.event_position)
  BEGIN SELECT RAISE(ABORT, 'message_events is append-only: the event is there already'); END;

  CREATE TABLE consumer_checkpoints (
    consumer_id    TEXT PRIMARY KEY,
    event_position TEXT NOT NULL,
    saved_at       TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE log_identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    log_id   TEXT NOT NULL
  ) STRICT;

  CREATE TRIGGER log_identity_refuse_update BEFORE UPDATE ON log_identity
  BEGIN SELECT RAISE(ABORT, 'the identity of a log never changes: UPDATE refused'); END;

  CREATE TRIGGER log_identity_refuse_delete BEFORE DELETE ON log_identity
  BEGIN SELECT RAISE(ABORT, 'the identity of a log never changes: DELETE refused'); END;
  `,
]

/** The schema of this release. */
const NEWEST = migrations.length

/**
 * The schema the file has; 0 for an empty one. Changes nothing.
 * @throws CommsError `store_corrupt` for a database of another application, or of a newer release than this one.
 */
export function schemaOf(db: Database, file: string): number {
  const { version, application, tables } = readMarks(db)
  if (application === APPLICATION_ID) {
    if (version >= 1 && version <= NEWEST) return version
    throw new CommsError(
      'store_corrupt',
      `${file} has schema ${version}, this release knows 1 to ${NEWEST}: a newer release wrote it? Install that release`,
    )
  }
  if (application === 0 && version === 0 && tables === 0) return 0
  throw new CommsError('store_corrupt', `${file} is a database of another application: expected a Pipe Comms log or a new file`)
}

/** From which schema to which, and whether the log got its identity now. */
export interface Migrated {
  readonly from: number
  readonly to: number
  readonly named: boolean
}

/** In one transaction: another process may be making the schema between two reads. */
const readMarks = (db: Database) =>
  db.transaction(() => ({
    version: db.pragma('user_version', { simple: true }) as number,
    application: db.pragma('application_id', { simple: true }) as number,
    tables: db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number,
  }))()

/**
 * Brings the file to the newest schema, whole or not at all, and says from which. Of several processes at once, the first does it. The log
 * has its identity then.
 * @throws what {@link schemaOf} throws.
 */
export function migrate(db: Database, file: string): Migrated {
  if (schemaOf(db, file) === NEWEST && logIdOf(db) !== undefined) return { from: NEWEST, to: NEWEST, named: false }
  return db
    .transaction(() => {
      const from = schemaOf(db, file)
      for (const migration of migrations.slice(from)) db.exec(migration)
      const named = nameLog(db)
      db.pragma(`application_id = ${APPLICATION_ID}`)
      db.pragma(`user_version = ${NEWEST}`)
      return { from, to: NEWEST, named }
    })
    .immediate()
}
