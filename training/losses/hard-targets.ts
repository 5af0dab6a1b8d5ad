import type * as tf from '@tensorflow/tfjs'
import { crossEntropy } from './cross-entropy.js'
import { batchField, type Loss } from './loss.js'

/**
 * The objective of fine-tuning: cross-entropy of the batch's `labels` (int32 [batch]). One part, `hard`.
 * @param labelSmoothing in [0, 1)
 */
export function hardTargets({ labelSmoothing = 0 }: { readonly labelSmoothing?: number } = {}): Loss {
  return {
    compute({ outputs, batch }) {
      const hard = crossEntropy(outputs.logits, batchField<tf.Tensor1D>(batch, 'labels'), labelSmoothing)
      return { total: hard, parts: { hard } }
    },
  }
}
