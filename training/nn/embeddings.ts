import * as tf from '@tensorflow/tfjs'
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { Tensors } from '../engine/types.js'
import { layerNorm } from './layer-norm.js'
import { parameter } from './linear.js'

/**
 * Word, position and token-type embeddings, added and normalised. Every token is of type 0.
 * @param inputIds int32 [batch, tokens]
 * @returns [batch · tokens, hidden]
 * @throws ShapeMismatch when there are more tokens than positions
 */
export function embed(parameters: Tensors, config: EncoderConfig, inputIds: tf.Tensor2D): tf.Tensor2D {
  const [batch, tokens] = inputIds.shape
  const { hiddenSize } = config
  if (tokens > config.maxPositions) {
    throw new ShapeMismatch(`${tokens} tokens do not fit ${config.maxPositions} positions; shorten the batch`)
  }
  const words = lookup(parameter(parameters, 'embeddings.word_embeddings.weight'), tf.reshape(inputIds, [-1]))
  let shared = tf.slice(parameter(parameters, 'embeddings.position_embeddings.weight'), [0, 0], [tokens, hiddenSize])
  if (config.typeVocabSize > 0) {
    const types = parameter(parameters, 'embeddings.token_type_embeddings.weight')
    shared = tf.add(shared, tf.slice(types, [0, 0], [1, hiddenSize]))
  }
  const sum = tf.add(tf.reshape(words, [batch, tokens, hiddenSize]), shared)
  return layerNorm(
    tf.reshape(sum, [batch * tokens, hiddenSize]),
    parameter(parameters, 'embeddings.LayerNorm.weight'),
    parameter(parameters, 'embeddings.LayerNorm.bias'),
    config.layerNormEpsilon,
  )
}

/**
 * Rows of a table. The gradient adds up the rows that were looked up more than once; written out, because tfjs' own carries
 * two transposes of the whole table, and on its CPU backend a pass over all indices for every row.
 * @param table [rows, width]
 * @param indices int32 [count]
 * @returns [count, width]
 */
export function lookup(table: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  return tf.customGrad((...args) => {
    const [source, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc]
    save([tf.reshape(indices, [-1, 1])])
    return {
      value: tf.gather(source, indices),
      gradFunc: (dy: tf.Tensor, [places]: tf.Tensor[]) => tf.scatterND(places as tf.Tensor2D, dy, table.shape),
    }
  })(table) as tf.Tensor2D
}
