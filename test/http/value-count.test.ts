import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasMoreValuesThan } from '../../src/http/value-count.js'

test('a value is counted with everything in it', () => {
  // the object, its array, and the array's three values
  const value = { texts: ['a', 1, null] }
  assert.equal(hasMoreValuesThan(4, value), true)
  assert.equal(hasMoreValuesThan(5, value), false)
})

const count = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? 1 + Object.values(value).reduce((sum: number, one) => sum + count(one), 0)
    : 1

test('every value of any JSON counts once', () =>
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const values = count(value)
      assert.equal(hasMoreValuesThan(values, value), false)
      assert.equal(values > 1 && hasMoreValuesThan(values - 1, value), values > 1)
    }),
  ))

test('nesting as deep as a body can have is counted without recursion', () => {
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown
  assert.equal(hasMoreValuesThan(100_000, deep), false)
  assert.equal(hasMoreValuesThan(99_999, deep), true)
})
