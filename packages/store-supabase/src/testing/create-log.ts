import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../sql/', import.meta.url)

/** The schema as users get it: the create file, then the numbered ones. */
export const schemaFiles: readonly string[] = [
  'create-message-events-table.sql',
  ...readdirSync(folder)
    .filter((name) => /^\d+-.*\.sql$/.test(name))
    .sort(),
].map((name) => readFileSync(new URL(name, folder), 'utf8'))

/** Makes the log in a database without one. */
export async function createLog(connection: { query(sql: string): Promise<unknown> }): Promise<void> {
  for (const sql of schemaFiles) await connection.query(sql)
}
