import * as tf from '@tensorflow/tfjs'
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { Tensors } from '../engine/types.js'
import type { EncoderOutputs } from '../nn/encoder.js'
import { initialMaskedLmHead, maskedLmLogits } from '../nn/masked-lm-head.js'
import { batchField, type Loss } from './loss.js'
import { logSoftmax } from './softmax-cross-entropy.js'

/**
 * Cross-entropy of the tokens that were masked, mean over the places that count: Σ w · −log softmax(logits)[id] / Σ w. The
 * gradient is written out, w · (softmax(logits) − one-hot) / Σ w, so that one tensor of the logits' size is kept for it.
 * @param logits [places, vocabulary]
 * @param ids int32 [places], each in [0, vocabulary); constant
 * @param weights [places], 1 for a masked place and 0 for one that only fills the batch; constant
 * @returns scalar, nats; 0 where no place counts
 * @throws ShapeMismatch when the places differ
 * @see Devlin et al. 2019, section 3.1
 */
export function maskedTokenLoss(logits: tf.Tensor2D, ids: tf.Tensor1D, weights: tf.Tensor1D): tf.Scalar {
  const [places, vocabulary] = logits.shape
  if (ids.shape[0] !== places || weights.shape[0] !== places) {
    throw new ShapeMismatch(`${places} rows of logits, ${ids.shape[0]} masked ids and ${weights.shape[0]} weights`)
  }
  const shares = tf.div(weights, tf.maximum(tf.sum(weights), 1)) as tf.Tensor1D
  return tf.customGrad((...args) => {
    const [source, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc]
    const logProbabilities = logSoftmax(source)
    save([logProbabilities, ids, shares])
    return {
      value: tf.neg(tf.sum(tf.mul(pickedFrom(logProbabilities, ids), shares))),
      gradFunc: (dy: tf.Tensor, [logProbabilities, ids, shares]: tf.Tensor[]) => {
        const expected = tf.oneHot(ids as tf.Tensor1D, vocabulary, 1, 0, 'float32')
        const scale = tf.reshape(tf.mul(shares!, dy), [places, 1])
        return tf.mul(tf.sub(tf.exp(logProbabilities!), expected), scale)
      },
    }
  })(logits) as tf.Scalar
}

/**
 * The objective of masked-language-model pre-training. Batch fields: `maskedPositions` and `maskedIds` (int32 [batch, places]),
 * `maskedWeights` (float32 [batch, places]). Its own parameters are the head's. One part, `masked`.
 */
export function maskedLanguageModel(config: EncoderConfig): Loss {
  return {
    collect: { hiddenStates: true },
    initialParameters: (random) => initialMaskedLmHead(config, random),
    compute({ outputs, batch, parameters }) {
      const { logits, ids, weights } = maskedPlaces(parameters, config, outputs, batch)
      const masked = maskedTokenLoss(logits, ids, weights)
      return { total: masked, parts: { masked } }
    },
  }
}

/**
 * What validation sums up over batches, each a scalar: `nll` (nats), `correct` (places whose most likely token is the masked
 * one) and `places`.
 */
export function maskedLanguageModelSums(
  parameters: Tensors,
  config: EncoderConfig,
  outputs: EncoderOutputs,
  batch: Tensors,
): Tensors {
  const { logits, ids, weights } = maskedPlaces(parameters, config, outputs, batch)
  const picked = pickedFrom(logSoftmax(logits), ids)
  const correct = tf.cast(tf.equal(tf.cast(tf.argMax(logits, -1), 'int32'), ids), 'float32')
  return {
    nll: tf.neg(tf.sum(tf.mul(picked, weights))),
    correct: tf.sum(tf.mul(correct, weights)),
    places: tf.sum(weights),
  }
}

function maskedPlaces(parameters: Tensors, config: EncoderConfig, outputs: EncoderOutputs, batch: Tensors) {
  const positions = batchField<tf.Tensor2D>(batch, 'maskedPositions')
  const flat = <T extends tf.Tensor1D>(name: string) => tf.reshape(batchField(batch, name), [-1]) as T
  return {
    logits: maskedLmLogits(parameters, config, outputs.hiddenStates!.at(-1)!, positions),
    ids: flat('maskedIds'),
    weights: flat('maskedWeights'),
  }
}

/** @param rows [places, vocabulary] @returns rows[i][ids[i]], [places] */
function pickedFrom(rows: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor1D {
  const [places, vocabulary] = rows.shape
  const starts = tf.tensor1d(
    Int32Array.from({ length: places }, (_, place) => place * vocabulary),
    'int32',
  )
  return tf.gather(tf.reshape(rows, [-1]), tf.add(ids, starts)) as tf.Tensor1D
}
