/** Calls a second and instance: https://green-api.com/en/docs/api/ratelimiter/ */
const PER_SECOND: Readonly<Record<string, number>> = {
  receiveNotification: 100,
  deleteNotification: 100,
  checkWhatsapp: 10,
  readChat: 10,
  getMessage: 10,
  getAvatar: 10,
  downloadFile: 5,
}
const SENDING = /^(send|forward|edit|delete|upload)/
const WINDOW_MS = 1_000

/** Whether one more call of this method is over the limit now. */
export function createRateLimits(clock: { now(): number }): (method: string) => { readonly over: boolean; readonly perSecond: number } {
  const calls = new Map<string, number[]>()
  return (method) => {
    const perSecond = PER_SECOND[method] ?? (SENDING.test(method) ? 50 : 1)
    const now = clock.now()
    const recent = (calls.get(method) ?? []).filter((at) => at > now - WINDOW_MS)
    calls.set(method, recent)
    if (recent.length >= perSecond) return { over: true, perSecond }
    recent.push(now)
    return { over: false, perSecond }
  }
}
