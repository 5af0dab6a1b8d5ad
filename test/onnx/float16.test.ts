import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLOAT16_MAX, float16Bits, float16Value, fromFloat16, toFloat16 } from '../../src/onnx/float16.js'

const ALL_BITS = Array.from({ length: 65_536 }, (_, bits) => bits)
const isNanBits = (bits: number) => (bits & 0x7fff) > 0x7c00

test('every binary16 value survives the way to fp32 and back', () => {
  for (const bits of ALL_BITS) {
    if (isNanBits(bits)) assert.ok(Number.isNaN(float16Value(float16Bits(float16Value(bits)))))
    else assert.equal(float16Bits(float16Value(bits)), bits)
  }
})

test('known values have the bits of IEEE 754', () => {
  const known: [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [1 / 3, 0x3555],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [65_520, 0x7c00],
    [65_519.99, 0x7bff],
  ]
  for (const [value, bits] of known) assert.equal(float16Bits(value), bits, String(value))
})

test('rounding takes the nearest neighbour, and the even one on a tie', () => {
  const finite = fc.float({ min: -65_504, max: 65_504, noNaN: true })
  fc.assert(
    fc.property(finite, (value) => {
      const bits = float16Bits(value)
      const error = Math.abs(float16Value(bits) - value)
      // stepping the magnitude by one bit gives the neighbours
      for (const neighbour of [bits - 1, bits + 1]) {
        if ((neighbour & 0x7fff) > 0x7bff || (neighbour ^ bits) & 0x8000 || neighbour < 0) continue
        const other = Math.abs(float16Value(neighbour) - value)
        assert.ok(error < other || (error === other && bits % 2 === 0))
      }
    }),
    { numRuns: 2000 },
  )
  for (const bits of ALL_BITS.slice(0, 0x7bff)) {
    const middle = (float16Value(bits) + float16Value(bits + 1)) / 2
    assert.equal(float16Bits(middle), bits % 2 === 0 ? bits : bits + 1)
  }
})

test('weights beyond the range are clamped, not turned infinite', () => {
  assert.deepEqual(
    [...fromFloat16(toFloat16(new Float32Array([1e6, -1e6, 65_530])))],
    [FLOAT16_MAX, -FLOAT16_MAX, FLOAT16_MAX],
  )
})
