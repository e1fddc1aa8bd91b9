import { expect, it } from 'vitest'
import { readXtext } from './xtext.ts'

it.each([
  ['alex+2026@example.org', 'alex+2026@example.org'],
  ['camille+42@example.org', 'camille+42@example.org'],
  ['alex+AD2026@example.org', 'alex+AD2026@example.org'],
  ['alex+news@example.org', 'alex+news@example.org'],
  ['alex+2B42@example.org', 'alex+42@example.org'],
  ['alex+2Bnews+3Dx@example.org', 'alex+news=x@example.org'],
  ['alex+2B42+99@example.org', 'alex+2B42+99@example.org'],
  ['h+C3+A9l+C3+A8ne@example.org', 'hélène@example.org'],
  ['bounce+a=example.org@example.net', 'bounce+a=example.org@example.net'],
  ['msg+2B1', 'msg+1'],
  ['alex+@example.org', 'alex+@example.org'],
])('%s is read as %s', (written, read) => {
  expect(readXtext(written)).toBe(read)
})

it('a known address decides what can be read in two ways', () => {
  expect(readXtext('alex+2B42@example.org', ['alex+2b42@example.org'])).toBe('alex+2B42@example.org')
  expect(readXtext('camille+20martin@example.org', ['camille martin@example.org'])).toBe('camille martin@example.org')
  expect(readXtext('alex+4242@example.org', ['alexb42@example.org'])).toBe('alexB42@example.org')
})
