import type { Schedule } from './schedule.ts'
import { type GreenApiSettings, newInstanceSettings } from './settings.ts'

/** State and settings of the instance. */
export interface Account {
  state(): string
  setState(state: string): void
  settings(): GreenApiSettings
  /** In effect at once, which the real service does not do. */
  configure(settings: Partial<GreenApiSettings>): void
  /** As `setSettings`: the instance starts anew, and the settings show when it is up again. */
  save(settings: Partial<GreenApiSettings>): void
  reboot(then?: () => void): void
}

/** "Within 5 minutes": https://green-api.com/en/docs/api/account/SetSettings/ */
const REBOOT_MS = 120_000

export function createAccount(options: {
  state: string
  settings: Partial<GreenApiSettings> | undefined
  schedule: Schedule
  onState: (state: string) => void
}): Account {
  const { schedule, onState } = options
  let settings: GreenApiSettings = { ...newInstanceSettings, ...options.settings }
  let state = options.state

  const setState = (next: string) => {
    if (next === state) return
    state = next
    onState(next)
  }
  const reboot = (then = () => {}) => {
    const before = state
    setState('starting')
    schedule.after(REBOOT_MS, () => {
      then()
      setState(before === 'starting' ? 'authorized' : before)
    })
  }
  const configure = (changes: Partial<GreenApiSettings>) => {
    settings = { ...settings, ...changes }
  }
  return {
    state: () => state,
    setState,
    settings: () => settings,
    configure,
    save: (changes) => reboot(() => configure(changes)),
    reboot,
  }
}
