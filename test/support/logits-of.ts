/** Logits of batches that a model's file contents answer, one after the other, on one thread of the CPU. */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { openEncoder } from '../../src/onnx/encoder-session.js'

/** @returns of each batch the logits of its texts */
export async function logitsOf(model: Uint8Array, config: EncoderConfig, batches: readonly (readonly number[][])[]) {
  const session = await openEncoder(model, config, { provider: 'cpu', threads: 1 })
  const answers = []
  for (const batch of batches) answers.push(await session.run(batch.map((inputIds) => ({ inputIds }))))
  await session.release()
  return answers
}
