import { type ParsedMail, simpleParser } from 'mailparser'

/** A message the simulated server took. */
export interface SimulatedMail {
  /** From 1, in order of arrival. */
  readonly number: number
  readonly receivedAt: string
  /** Who logged in. */
  readonly user: string | undefined
  /** Whether it came over TLS. */
  readonly secure: boolean
  readonly from: string
  readonly to: readonly string[]
  /** What the client asked for with `MAIL FROM`, such as `{ envid: 'm-1', ret: 'HDRS' }`. */
  readonly dsn: { readonly envid?: string; readonly ret?: string; readonly notify?: string }
  readonly raw: Buffer
  readonly mail: ParsedMail
}

/** What came in, oldest first. */
export interface MailInbox {
  readonly messages: readonly SimulatedMail[]
  /** Waits until this many have come in all. */
  reach(count: number): Promise<readonly SimulatedMail[]>
  clear(): void
}

/** @param capacity the oldest go when there are more */
export function mailInbox(capacity: number): MailInbox & { add(mail: Omit<SimulatedMail, 'number' | 'mail'>): Promise<void> } {
  const messages: SimulatedMail[] = []
  let count = 0
  let waiting: { count: number; resolve: (messages: readonly SimulatedMail[]) => void }[] = []
  return {
    messages,
    reach: (wanted) =>
      new Promise((resolve) => {
        if (count >= wanted) resolve(messages)
        else waiting.push({ count: wanted, resolve })
      }),
    clear() {
      messages.length = 0
      count = 0
    },
    async add(given) {
      const mail = await simpleParser(given.raw, { skipTextToHtml: true, skipImageLinks: true })
      count += 1
      messages.push({ ...given, number: count, mail })
      if (messages.length > capacity) messages.shift()
      for (const { resolve } of waiting.filter((waiter) => waiter.count <= count)) resolve(messages)
      waiting = waiting.filter((waiter) => waiter.count > count)
    },
  }
}
