import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { ROWS } from './testing/rows/index.ts'
import { CHANGES } from './webhook/change.ts'
import { CONTENTS } from './webhook/content.ts'
import { NOTIFICATIONS } from './webhook/parse.ts'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

/** The rows of the table that starts with this column: all that is in backquotes. */
function table(column: string): string[][] {
  const lines =
    readme
      .slice(readme.indexOf(`| ${column} `))
      .split('\n\n')[0]
      ?.split('\n')
      .slice(2) ?? []
  return lines.map((line) => [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string))
}

/** What the tests show that it becomes. */
function eventTypes(name: (row: (typeof ROWS)[number]) => unknown, is: string): string[] {
  return [...new Set(ROWS.filter((row) => name(row) === is).map(({ fact }) => fact.type))].sort()
}
const events = (words: readonly string[]) => words.filter((word) => /^(message|contact|call|transport)\.[a-z_]+$/.test(word)).sort()

it('lists each typeWebhook that the code knows, and what the tests show that it becomes', () => {
  const rows = table('`typeWebhook`')
  expect(rows.map(([name]) => name)).toEqual(Object.keys(NOTIFICATIONS))
  for (const [name = '', ...words] of rows) {
    expect([name, events(words)]).toEqual([name, eventTypes(({ notification }) => notification.typeWebhook, name)])
  }
})

it('lists each typeMessage that the code knows, and what the tests show that it becomes', () => {
  const rows = table('`typeMessage`')
  expect(rows.map(([name]) => name).sort()).toEqual(Object.keys({ ...CONTENTS, ...CHANGES }).sort())
  for (const [name = '', ...words] of rows) {
    const isChange = Object.hasOwn(CHANGES, name)
    expect([name, isChange ? events(words) : ['message.received', 'message.sent']]).toEqual([name, eventTypes(({ type }) => type, name)])
    // The part of the content that the line names first is there, unless a code stands in its place.
    for (const { type, fact } of ROWS) {
      if (type === name && fact.type === 'message.sent')
        expect(Object.keys(fact.data.content ?? {})).toContain(fact.data.content?.flags ? 'flags' : words[0])
    }
  }
})

it('lists each way in which a status says that a message failed', () => {
  const shown = ROWS.flatMap(({ fact }) => {
    if (fact.type !== 'message.failed') return []
    const { providerCode, code, class: blame } = fact.data.error
    return [[providerCode, code, blame]]
  })
  expect(table('status')).toEqual(shown)
})
