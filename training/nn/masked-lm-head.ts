/**
 * BERT's masked-language-model head: dense, activation, LayerNorm, then the word embeddings themselves as decoder, with a
 * bias of its own. It runs at the masked places only, so that the projection onto the vocabulary stays small.
 * @see Devlin et al. 2019, section 3.1; Press and Wolf 2017 for tied embeddings
 */
import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { ParameterSpec } from '../../src/family/parameters.js'
import type { HostTensors } from '../../src/family/tensor.js'
import type { Tensors } from '../engine/types.js'
import type { Random } from '../random.js'
import { activation } from './activations.js'
import { lookup } from './embeddings.js'
import { initialParameter } from './initialise.js'
import { layerNorm } from './layer-norm.js'
import { linear, parameter } from './linear.js'

const PREFIX = 'cls.predictions'
const WORD_EMBEDDINGS = 'embeddings.word_embeddings.weight'

/** The head's own parameters, by Hugging Face BERT's names; its kernel is stored [in, out] as all kernels are. */
export function maskedLmSpecs({ hiddenSize, vocabSize }: EncoderConfig): ParameterSpec[] {
  return [
    { name: `${PREFIX}.transform.dense.weight`, shape: [hiddenSize, hiddenSize], kind: 'kernel' },
    { name: `${PREFIX}.transform.dense.bias`, shape: [hiddenSize], kind: 'bias' },
    { name: `${PREFIX}.transform.LayerNorm.weight`, shape: [hiddenSize], kind: 'norm-scale' },
    { name: `${PREFIX}.transform.LayerNorm.bias`, shape: [hiddenSize], kind: 'norm-bias' },
    { name: `${PREFIX}.bias`, shape: [vocabSize], kind: 'bias' },
  ]
}

export function isMaskedLmParameter(name: string): boolean {
  return name.startsWith(`${PREFIX}.`)
}

/** A fresh head, as BERT draws it. */
export function initialMaskedLmHead(config: EncoderConfig, random: Random): HostTensors {
  return Object.fromEntries(maskedLmSpecs(config).map((spec) => [spec.name, initialParameter(spec, random)]))
}

/**
 * @param parameters the head's and the encoder's word embeddings
 * @param states the last layer's, [batch, tokens, hidden]
 * @param positions int32 [batch, places], each in [0, tokens)
 * @returns logits over the vocabulary, [batch · places, vocabulary]
 */
export function maskedLmLogits(
  parameters: Tensors,
  config: EncoderConfig,
  states: tf.Tensor3D,
  positions: tf.Tensor2D,
): tf.Tensor2D {
  const [batch, tokens, hidden] = states.shape
  const rowStarts = tf.tensor2d(
    Int32Array.from({ length: batch }, (_, row) => row * tokens),
    [batch, 1],
    'int32',
  )
  const places = tf.reshape(tf.add(positions, rowStarts), [-1]) as tf.Tensor1D
  const masked = lookup(tf.reshape(states, [batch * tokens, hidden]), places) // [batch · places, hidden]
  const transformed = layerNorm(
    activation(config.activation)(linear(parameters, `${PREFIX}.transform.dense`, masked)),
    parameter(parameters, `${PREFIX}.transform.LayerNorm.weight`),
    parameter(parameters, `${PREFIX}.transform.LayerNorm.bias`),
    config.layerNormEpsilon,
  )
  const scores = tf.matMul(transformed, parameter<tf.Tensor2D>(parameters, WORD_EMBEDDINGS), false, true)
  return tf.add(scores, parameter(parameters, `${PREFIX}.bias`))
}
