import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { expect, it } from 'vitest'
import { configVariables, loadConfig } from './config.ts'

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const example = parseEnv(textOf('../.env.example')) as Record<string, string>
const readme = textOf('../README.md')

it('.env.example has every variable of the server, and no other', () => {
  expect(Object.keys(example).sort()).toEqual([...configVariables].sort())
})

it('.env.example as it is changes no default', () => {
  const { jwtSecret, greenApi, ...settings } = loadConfig({})
  const { jwtSecret: _secret, greenApi: account, ...ofExample } = loadConfig(example)
  expect(ofExample).toEqual(settings)
  expect({ ...account, webhookToken: '' }).toEqual({ ...greenApi, webhookToken: '' })
})

it.each(configVariables)('the README describes %s', (name) => {
  expect(readme).toContain(`\`${name}\``)
})
