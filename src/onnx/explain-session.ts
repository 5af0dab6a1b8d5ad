/** One explain.onnx open on one execution provider: which tokens moved a label's logit. */
import { Tensor } from 'onnxruntime-node'
import { ShapeMismatch } from '../errors.js'
import type { EncoderConfig } from '../family/encoder-config.js'
import { padSequences } from './encoder-feeds.js'
import { createSession, type SessionOptions, type TokenSequence } from './encoder-session.js'

/** Beside model.onnx, sharing its weights.bin. */
export const EXPLAIN_FILE = 'explain.onnx'

/** Integrated Gradients of one text for one label. */
export interface Explanation {
  /** [tokens], in logits: what each token adds to the label's logit; 0 for [CLS] and [SEP], which the baseline has too */
  readonly attributions: Float32Array
  /** convergence delta: their sum less the logit's rise over that of the baseline; 0 for an exact integral */
  readonly delta: number
}

export interface ExplainSession {
  /**
   * Blocks this thread while it computes.
   * @param target the label whose logit is explained
   * @throws ShapeMismatch when the sequence is empty or too long, or there is no such label
   */
  run(sequence: TokenSequence, target: number): Promise<Explanation>
  release(): Promise<void>
}

/** @throws as openEncoder does */
export async function openExplainer(
  explainFile: string,
  config: EncoderConfig,
  options: SessionOptions,
): Promise<ExplainSession> {
  const session = await createSession(explainFile, options)
  return {
    async run(sequence, target) {
      if (!Number.isInteger(target) || target < 0 || target >= config.labels) {
        throw new ShapeMismatch(`label ${target} cannot be explained: the model has 0 to ${config.labels - 1}`)
      }
      const { inputIds, attentionMask, tokens } = padSequences([sequence], config)
      const outputs = await session.run({
        input_ids: new Tensor('int64', inputIds, [1, tokens]),
        attention_mask: new Tensor('int64', attentionMask, [1, tokens]),
        target: new Tensor('int64', BigInt64Array.of(BigInt(target)), []),
      })
      return {
        attributions: outputs.attributions!.data as Float32Array,
        delta: (outputs.delta!.data as Float32Array)[0]!,
      }
    },
    release: () => session.release(),
  }
}
