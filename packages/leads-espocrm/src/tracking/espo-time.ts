/** An instant as EspoCRM writes it: UTC, without saying so. */
export function espoTime(instant: string): string {
  return new Date(instant).toISOString().slice(0, 19).replace('T', ' ')
}
