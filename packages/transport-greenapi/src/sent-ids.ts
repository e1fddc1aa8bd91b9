/** Which id belongs to which of our messages, as far as this process knows: an equal text of another message is no match. */
export interface SentIds {
  note(providerMessageId: string, messageId: string): void
  isOfAnother(providerMessageId: string, messageId: string): boolean
}

/** More than an instance sends in the minutes that a reconciliation looks at. */
const MAX_REMEMBERED = 10_000

export function sentIds(): SentIds {
  const owners = new Map<string, string>()
  return {
    note(providerMessageId, messageId) {
      owners.set(providerMessageId, messageId)
      if (owners.size > MAX_REMEMBERED) owners.delete(owners.keys().next().value as string)
    },
    isOfAnother(providerMessageId, messageId) {
      const owner = owners.get(providerMessageId)
      return owner !== undefined && owner !== messageId
    },
  }
}
