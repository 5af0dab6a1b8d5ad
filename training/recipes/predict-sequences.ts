import type { HostTensors } from '../../src/family/tensor.js'
import { paddedLengthOf } from '../data/length-buckets.js'
import { padBatch } from '../data/pad-batch.js'
import type { Evaluator } from '../engine/types.js'

/** Rows of every inference batch: one shape a bucket, whatever the number of examples. */
const BATCH_ROWS = 32

/**
 * Logits of sequences under an engine, in length-bucketed batches. A batch that is not full is filled with one-token rows,
 * whose answers are thrown away, so that each padded length compiles one program only.
 * @returns [labels] a sequence, in order
 */
export async function predictSequences(
  evaluator: Evaluator,
  sequences: readonly Int32Array[],
  { bucketWidth, maxTokens, padId }: { bucketWidth: number; maxTokens: number; padId: number },
): Promise<Float32Array[]> {
  const byLength = new Map<number, number[]>()
  for (const [i, sequence] of sequences.entries()) {
    const paddedLength = paddedLengthOf(sequence.length, bucketWidth, maxTokens)
    const bucket = byLength.get(paddedLength)
    if (bucket) bucket.push(i)
    else byLength.set(paddedLength, [i])
  }
  const answers = new Array<Float32Array>(sequences.length)
  const filler = Int32Array.of(padId)
  for (const [paddedLength, indices] of byLength) {
    for (let start = 0; start < indices.length; start += BATCH_ROWS) {
      const rows = indices.slice(start, start + BATCH_ROWS)
      const filled = Array.from({ length: BATCH_ROWS }, (_, row) => {
        const index = rows[row]
        return index === undefined ? filler : sequences[index]!
      })
      const batch: HostTensors = { ...padBatch(filled, paddedLength, padId) }
      const { logits } = await evaluator.run(batch)
      const labels = logits!.shape[1]!
      for (const [row, index] of rows.entries()) {
        answers[index] = logits!.values.slice(row * labels, (row + 1) * labels) as Float32Array
      }
    }
  }
  return answers
}
