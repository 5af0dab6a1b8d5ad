import { ShapeMismatch } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { signaturesOf } from './batch-runs.js'
import type { Signatures } from './trace.js'

/**
 * @param what the tensors are, for the message: `state`, `parameters`
 * @returns the tensors, in the order of the expected names
 * @throws ShapeMismatch when a name is missing or one too many, or a shape or type differs
 */
export function matchingTensors(what: string, expected: Signatures, given: HostTensors): HostTensors {
  const found = signaturesOf(given)
  for (const [name, { shape, dtype }] of Object.entries(expected)) {
    const other = found[name]
    if (!other) throw new ShapeMismatch(`the ${what} given have no "${name}"; they come from another set-up`)
    if (other.dtype !== dtype || other.shape.join() !== shape.join()) {
      throw new ShapeMismatch(
        `the ${what} given have "${name}" as ${other.dtype} [${other.shape}], but it is ${dtype} [${shape}] here; ` +
          'they come from another set-up',
      )
    }
  }
  const extra = Object.keys(found).find((name) => !(name in expected))
  if (extra) throw new ShapeMismatch(`the ${what} given have "${extra}", which is not known here`)
  return Object.fromEntries(Object.keys(expected).map((name) => [name, given[name]!]))
}
