import { ShapeMismatch } from '../../src/errors.js'
import type { HostTensor } from '../../src/family/tensor.js'

export interface TokenBatch {
  /** int32 [batch, paddedLength] */
  readonly inputIds: HostTensor
  /** int32 [batch, paddedLength]; 1 for tokens, 0 for padding */
  readonly attentionMask: HostTensor
}

/**
 * Token sequences as one padded batch.
 * @param sequences token ids, special tokens included
 * @throws ShapeMismatch when a sequence is longer than the batch
 */
export function padBatch(sequences: readonly ArrayLike<number>[], paddedLength: number, padId: number): TokenBatch {
  const shape = [sequences.length, paddedLength]
  const inputIds = new Int32Array(sequences.length * paddedLength).fill(padId)
  const attentionMask = new Int32Array(sequences.length * paddedLength)
  for (const [i, sequence] of sequences.entries()) {
    if (sequence.length > paddedLength) {
      throw new ShapeMismatch(`a sequence of ${sequence.length} tokens does not fit a batch padded to ${paddedLength}`)
    }
    inputIds.set(sequence, i * paddedLength)
    attentionMask.fill(1, i * paddedLength, i * paddedLength + sequence.length)
  }
  return { inputIds: { shape, values: inputIds }, attentionMask: { shape, values: attentionMask } }
}
