import type * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'
import type { AttentionTrace } from '../nn/attention.js'
import type { Collect, EncoderOutputs } from '../nn/encoder.js'
import type { Random } from '../random.js'
import type { LayerPair } from './layer-map.js'
import type { LossInputs } from './loss.js'

/** One loss of a weighted sum. */
export interface Term {
  /** of its part in the log */
  readonly name: string
  /** in [0, 1]; a term of weight 0 is left out */
  readonly weight: number
  /** what it looks at inside student and teacher; none for a term that needs no teacher in the step */
  readonly inside?: Collect
  initialParameters?(random: Random): HostTensors
  /** @returns scalar, unweighted */
  compute(inputs: TermInputs): tf.Scalar
}

/** What a term may look at. */
export interface TermInputs extends LossInputs {
  /** the frozen teacher's on the same batch, without dropout; there is one for terms with `inside` */
  readonly teacher?: EncoderOutputs | undefined
}

/** @returns a pair's hidden states, the student's first: [batch, tokens, hidden] */
export function statePair({ outputs, teacher }: TermInputs, [student, other]: LayerPair): [tf.Tensor3D, tf.Tensor3D] {
  return [outputs.hiddenStates![student]!, teacher!.hiddenStates![other]!]
}

/** @returns what a pair's attention layers saw, the student's first */
export function tracePair(
  { outputs, teacher }: TermInputs,
  [student, other]: LayerPair,
): [AttentionTrace, AttentionTrace] {
  return [outputs.attention![student - 1]!, teacher!.attention![other - 1]!]
}
