import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSides } from '../../../training/data/check-sides.js'

const cases = (...labels: string[]) => labels.map((label, i) => ({ id: `${i}`, row: i + 1, text: 'facts', label }))

test('a side on which nothing could be measured is refused by its name; an empty one is none', () => {
  checkSides('cases.csv', { train: cases('wins', 'loses'), validation: cases('loses', 'wins', 'wins'), test: [] })
  assert.throws(() => checkSides('cases.csv', { train: cases('wins', 'loses'), test: cases('wins', 'wins') }), {
    code: 'DATA_INVALID',
    message: /^cases\.csv: all 2 test cases have the label "wins"; .* stratified$/,
  })
})
