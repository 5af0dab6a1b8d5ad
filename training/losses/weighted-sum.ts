import * as tf from '@tensorflow/tfjs'
import { InvalidConfiguration } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { type Collect, type EncoderOutputs, encode } from '../nn/encoder.js'
import { batchField, type Loss, type LossInputs } from './loss.js'
import type { Term } from './term.js'

/** A model that runs inside the training step and does not learn. */
export interface FrozenModel {
  readonly config: EncoderConfig
  readonly parameters: HostTensors
}

const TEACHER_PREFIX = 'teacher/'

/**
 * The objective Σ weight · term. Its parts are the terms, unweighted. Where a term looks inside the teacher, the teacher runs
 * in the step, once for all terms; its parameters are the loss's `frozen` tensors.
 * @throws InvalidConfiguration when a weight is out of range, none is above 0, or a term needs a teacher and there is none
 */
export function weightedSum(terms: readonly Term[], teacher?: FrozenModel): Loss {
  for (const { name, weight } of terms) {
    if (!(weight >= 0 && weight <= 1)) throw new InvalidConfiguration(`${name}.weight`, `${weight} is not in [0, 1]`)
  }
  const used = terms.filter(({ weight }) => weight > 0)
  if (used.length === 0) throw new InvalidConfiguration('losses', 'no weight is above 0; nothing would be learnt')
  const looking = used.filter(({ inside }) => inside !== undefined)
  if (looking.length > 0 && !teacher) {
    throw new InvalidConfiguration(
      'losses',
      `${looking[0]!.name} looks inside a teacher, and there is none; leave it out`,
    )
  }
  const frozenTeacher = looking.length > 0 ? teacher : undefined
  const collect: Collect = Object.assign({}, ...looking.map(({ inside }) => inside))
  return {
    collect,
    ...(frozenTeacher && { frozen: prefixed(frozenTeacher.parameters) }),
    initialParameters: (random) => Object.assign({}, ...used.map((term) => term.initialParameters?.(random))),
    compute(inputs) {
      const given = { ...inputs, teacher: frozenTeacher && teacherOutputs(frozenTeacher.config, inputs, collect) }
      const values = used.map((term) => ({ ...term, value: term.compute(given) }))
      return {
        total: values
          .map(({ value, weight }) => tf.mul(value, weight))
          .reduce((sum, term) => tf.add(sum, term)) as tf.Scalar,
        parts: Object.fromEntries(values.map(({ name, value }) => [name, value])),
      }
    },
  }
}

/** Without dropout: the same text has the same states at every step. */
function teacherOutputs(config: EncoderConfig, { batch, frozen }: LossInputs, collect: Collect): EncoderOutputs {
  const parameters = Object.fromEntries(
    Object.entries(frozen).flatMap(([name, tensor]) =>
      name.startsWith(TEACHER_PREFIX) ? [[name.slice(TEACHER_PREFIX.length), tensor]] : [],
    ),
  )
  const inputIds = batchField<tf.Tensor2D>(batch, 'inputIds')
  return encode(parameters, config, { inputIds, attentionMask: batchField(batch, 'attentionMask') }, { collect })
}

function prefixed(parameters: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [TEACHER_PREFIX + name, tensor]))
}
