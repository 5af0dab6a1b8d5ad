import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterSpecs } from '../../src/family/parameters.js'
import { elementCount, type HostTensors } from '../../src/family/tensor.js'

/** Parameters of a config, uniform in ±spread (norm scales around 1), the same for the same seed. */
export function randomParameters(config: EncoderConfig, seed: number, spread = 0.3): HostTensors {
  // mulberry32
  let state = seed
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const parameters: HostTensors = {}
  for (const { name, shape, kind } of parameterSpecs(config)) {
    const centre = kind === 'norm-scale' ? 1 : 0
    const values = Float32Array.from({ length: elementCount(shape) }, () => centre + spread * (2 * uniform() - 1))
    parameters[name] = { shape, values }
  }
  return parameters
}
