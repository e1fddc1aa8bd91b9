import { join } from 'node:path'
import { isLogId, type Logger, newLogId } from '@pipe-comms/core'
import { readWhole, writeWhole } from './atomic-file.ts'
import { type HashSeed, newHashSeed } from './key-hash.ts'

/** What makes a log this one and no other; kept in `log-identity.json` in its folder. */
export interface LogIdentity {
  /** The name in every position of the log. */
  readonly logId: string
  readonly hashSeed: HashSeed
}

const NAME = 'log-identity.json'

/**
 * The identity of the log in a folder. A log without one gets one, durable before the first position is given out. When the log has
 * events already (an older release wrote it, or the file was lost), that is logged: positions and checkpoints from before are of no log
 * that is known, and are refused.
 */
export async function openLogIdentity(dir: string, hasEvents: boolean, logger: Logger): Promise<LogIdentity> {
  const path = join(dir, NAME)
  const found = await readIdentity(path)
  if (found && found !== 'damaged') return found
  const identity: LogIdentity = { logId: newLogId(), hashSeed: newHashSeed() }
  await writeWhole(path, `${JSON.stringify(identity)}\n`)
  if (hasEvents || found === 'damaged') {
    logger.warn(
      `${path} was ${found ?? 'missing'}: the log is ${identity.logId} from now on. Positions and checkpoints from before are refused, and their consumers begin again`,
      { path, logId: identity.logId },
    )
  }
  return identity
}

async function readIdentity(path: string): Promise<LogIdentity | 'damaged' | undefined> {
  let text: string
  try {
    text = await readWhole(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { logId, hashSeed } = JSON.parse(text) as Partial<LogIdentity>
    const whole = isLogId(logId) && Array.isArray(hashSeed) && hashSeed.length === 2 && hashSeed.every(Number.isInteger)
    return whole ? { logId, hashSeed: hashSeed as unknown as HashSeed } : 'damaged'
  } catch {
    return 'damaged'
  }
}
