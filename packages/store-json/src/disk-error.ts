import { CommsError, isCommsError } from '@pipe-comms/core'

/** What a code of the system means here, where its own text does not say it. */
const MEANINGS: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'this user may not',
}

/** The error of a disk that does not do what it should now: `store_unavailable`, with the path and the system's own reason. */
export function diskError(what: string, cause: unknown): CommsError {
  if (isCommsError(cause)) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const meaning = MEANINGS[(cause as NodeJS.ErrnoException | undefined)?.code ?? '']
  return new CommsError('store_unavailable', `${what}: ${reason}${meaning ? ` (${meaning})` : ''}`, { cause })
}

/** Whether there is no space to write, while all that is there can be read. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}
