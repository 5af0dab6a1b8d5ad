import type * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Tensors } from '../engine/types.js'
import type { Collect, EncoderOutputs } from '../nn/encoder.js'
import type { Random } from '../random.js'

/** What a loss may look at. */
export interface LossInputs {
  readonly outputs: EncoderOutputs
  /** the batch's fields, e.g. `labels` int32 [batch], `teacherLogits` [batch, labels] */
  readonly batch: Tensors
  /** tensors that are the same at every step, e.g. a teacher's parameters */
  readonly frozen: Tensors
  /** every trained tensor, a loss's own among them */
  readonly parameters: Tensors
}

export interface LossValue {
  /** scalar; what is minimised */
  readonly total: tf.Scalar
  /** its unweighted terms, for the log */
  readonly parts: Readonly<Record<string, tf.Scalar>>
}

/** A training objective: a pure function of one batch's outputs, and what it needs the encoder to hand out. */
export interface Loss {
  readonly collect?: Collect
  /** constants that it wants in `LossInputs.frozen` at every step, e.g. the parameters of a teacher that runs in the step */
  readonly frozen?: HostTensors
  /** its own trained tensors, e.g. projections: optimised and checkpointed with the model, no part of it afterwards */
  initialParameters?(random: Random): HostTensors
  compute(inputs: LossInputs): LossValue
}

/** @throws TypeError when the batch lacks the field, which is a fault of the caller */
export function batchField<T extends tf.Tensor>(batch: Tensors, name: string): T {
  const tensor = batch[name]
  if (tensor === undefined) throw new TypeError(`the loss needs the batch field "${name}"`)
  return tensor as T
}
