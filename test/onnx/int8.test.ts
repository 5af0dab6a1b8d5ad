import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dequantise, quantise } from '../../src/onnx/int8.js'

const matrices = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })).chain(([rows, columns]) =>
  fc.record({
    rows: fc.constant(rows),
    columns: fc.constant(columns),
    values: fc.float32Array({
      minLength: rows * columns,
      maxLength: rows * columns,
      min: -1000,
      max: 1000,
      noNaN: true,
    }),
  }),
)
const groups = fc.constantFrom('row' as const, 'column' as const)

test('a value comes back within half of its own group’s scale', () =>
  fc.assert(
    fc.property(matrices, groups, ({ rows, columns, values }, group) => {
      const quantised = quantise(values, rows, columns, group)
      const back = dequantise(quantised, columns, group)
      values.forEach((value, i) => {
        const scale = quantised.scales[group === 'column' ? i % columns : Math.floor(i / columns)]!
        assert.ok(Math.abs(back[i]! - value) <= scale * 0.5001 + 1e-30)
      })
    }),
  ))

test('a large value in one column does not cost the others precision', () => {
  const { scales } = quantise(new Float32Array([1000, 0.1, -1000, 0.2]), 2, 2, 'column')
  assert.ok(Math.abs(scales[0]! - 1000 / 127) < 1e-4 && Math.abs(scales[1]! - 0.2 / 127) < 1e-6)
})

test('a group of zeros stays zeros', () => {
  const quantised = quantise(new Float32Array(4), 2, 2, 'row')
  assert.deepEqual([...dequantise(quantised, 2, 'row')], [0, 0, 0, 0])
})

test('values that do not fill the matrix are refused', () => {
  assert.throws(() => quantise(new Float32Array(3), 2, 2, 'row'), { code: 'SHAPE_MISMATCH' })
})
