import { journalEntry, type KeptMessage } from './message.ts'

/** The messages of the instance: its history and its journals. */
export interface Archive {
  keep(message: KeptMessage): void
  find(chatId: string, idMessage: string): KeptMessage | undefined
  /** What the journal of the last minutes shows now, newest first. */
  journal(type: KeptMessage['type'], minutes: number): Record<string, unknown>[]
  /** The newest messages of a chat, newest first. */
  history(chatId: string, count: number): Record<string, unknown>[]
  all(): readonly KeptMessage[]
  chats(): string[]
}

export function createArchive(clock: { now(): number }): Archive {
  const messages: KeptMessage[] = []
  const newestFirst = (wanted: (message: KeptMessage) => boolean) => messages.filter(wanted).reverse()
  return {
    keep: (message) => messages.push(message),
    find: (chatId, idMessage) => messages.find((message) => message.chatId === chatId && message.idMessage === idMessage),
    journal: (type, minutes) => {
      const now = clock.now()
      return newestFirst((message) => message.type === type && message.timestamp * 1000 >= now - minutes * 60_000 && message.inJournal).map(
        journalEntry,
      )
    },
    history: (chatId, count) =>
      newestFirst((message) => message.chatId === chatId)
        .slice(0, count)
        .map(journalEntry),
    all: () => messages,
    chats: () => [...new Set(messages.map(({ chatId }) => chatId))],
  }
}
