import type { MailReading, ReadMailOptions } from './read-mail.ts'

/** One job of the parser thread. The bytes of the mail are handed over, not copied. */
export type ToMailThread = { readonly mail: Uint8Array<ArrayBuffer>; readonly options: ReadMailOptions } | { readonly html: string }

export type FromMailThread =
  | 'ready'
  | { readonly reading: MailReading }
  /** The text of an HTML; nothing when none can be made. */
  | { readonly text: string | undefined }
  /** Why the mail is none that can be read. */
  | { readonly unreadable: string }
