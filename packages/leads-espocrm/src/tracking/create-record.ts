import type { LeadMatch } from '@pipe-comms/core'
import { callApi } from '../api/call.ts'
import type { CheckedConnection } from '../options.ts'

/** What the CRM will never take, and why. */
export class RecordRefused extends Error {
  override readonly name = 'RecordRefused'
}

/** Writes records to the CRM, and tells a record that it refuses from a CRM that refuses us. */
export class RecordWriter {
  readonly connection: CheckedConnection
  /** Whether the last write of each type worked, or was refused for a single record. */
  readonly #works = new Map<string, boolean>()

  constructor(connection: CheckedConnection) {
    this.connection = connection
  }

  /**
   * Creates a record that belongs to a lead. A duplicate counts as written.
   * @throws RecordRefused when the lead is gone or closed to us, or the content is refused (400, 409).
   * @throws CommsError `directory_unavailable`, `directory_misconfigured`: worth another try.
   */
  async create(entityType: 'Email' | 'Note', body: object, lead: LeadMatch, signal: AbortSignal): Promise<void> {
    const parent = lead.type ?? 'Lead'
    const call = { method: 'POST', path: entityType, body: { ...body, parentType: parent, parentId: lead.id }, signal } as const
    const { status, json, error } = await callApi(this.connection, call, [400, 403, 404, 409])
    if (error === undefined || (status === 409 && Array.isArray(json))) {
      this.#works.set(entityType, true)
      return
    }
    if (!(await this.#canRead(parent, lead.id, signal))) {
      throw new RecordRefused(`${error.message}, because ${parent} ${lead.id} is gone or closed to the API user`)
    }
    // The type exists, as the search before this showed: what is not found is something about this record.
    if (status !== 403) throw new RecordRefused(error.message)
    // A role that forbids writing forbids it for every lead: then the next lead is refused too.
    if (!this.#works.get(entityType)) throw error
    this.#works.set(entityType, false)
    throw new RecordRefused(error.message)
  }

  /** @throws CommsError `directory_misconfigured` when no record of the type can be read. */
  async #canRead(entityType: string, id: string, signal: AbortSignal): Promise<boolean> {
    const path = `${entityType}/${encodeURIComponent(id)}`
    const { status } = await callApi(this.connection, { method: 'GET', path, signal }, [403, 404])
    if (status === 404) return false
    if (status !== 403) return true
    await callApi(this.connection, { method: 'GET', path: entityType, query: { maxSize: '1' }, signal })
    return false
  }
}
