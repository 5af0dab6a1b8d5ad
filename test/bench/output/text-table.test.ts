import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percent, textTable } from '../../../bench/output/text-table.js'

test('columns of numbers stand to the right, of words to the left, and what is not known is a dash', () => {
  const table = textTable(
    ['tier', 'ms', 'tokens/s'],
    [
      ['teacher', 12.345, 12_345.6],
      ['fast', null, 80],
    ],
  )
  assert.deepEqual(table.split('\n'), [
    'tier       ms  tokens/s',
    '-------  ----  --------',
    'teacher  12.3    12,346',
    'fast        –        80',
  ])
  assert.equal(percent(0.1234), '12.3%')
})
