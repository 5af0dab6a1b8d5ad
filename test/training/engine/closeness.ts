import assert from 'node:assert/strict'
import type { HostTensors } from '../../../src/family/tensor.js'

/** Asserts the same names and shapes, and values within absolute + relative · |expected|; NaN equals NaN. */
export function assertClose(
  actual: HostTensors,
  expected: HostTensors,
  { absolute = 1e-5, relative = 1e-4 }: { absolute?: number; relative?: number } = {},
): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort())
  for (const [name, { shape, values }] of Object.entries(expected)) {
    const found = actual[name]!
    assert.deepEqual([...found.shape], [...shape], `shape of ${name}`)
    assert.equal(found.values.length, values.length)
    values.forEach((value, index) => {
      const other = found.values[index]!
      const equal =
        Object.is(other, value) || other === value || Math.abs(other - value) <= absolute + relative * Math.abs(value)
      assert.ok(equal, `${name}[${index}] is ${other}, expected ${value}`)
    })
  }
}

/** Asserts equality to the last bit. */
export function assertSame(actual: HostTensors, expected: HostTensors): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort())
  for (const [name, { values }] of Object.entries(expected)) assert.deepEqual(actual[name]!.values, values, name)
}
