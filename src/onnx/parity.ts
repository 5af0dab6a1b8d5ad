/** Exported model against trained parameters: the same texts must give the same logits, within the storage's precision. */
import { ParityFailed, ShapeMismatch } from '../errors.js'
import type { Parity } from '../family/family-schema.js'
import type { EncoderSession, TokenSequence } from './encoder-session.js'
import type { Precision } from './stored-weights.js'

/** What the trained parameters answer, computed by the training engine in fp32. */
export interface ParityReference {
  readonly sequences: readonly TokenSequence[]
  /** [labels] a sequence */
  readonly logits: readonly (Float32Array | readonly number[])[]
  /** largest logit difference allowed; default: by precision */
  readonly tolerance?: number
}

/** Largest logit difference allowed where the caller names none. */
export const DEFAULT_TOLERANCE: Readonly<Record<Precision, number>> = { fp16: 0.02, int8: 0.5 }

/** One sequence a run: padding must not be part of what is compared. */
export async function measureParity(
  session: EncoderSession,
  reference: ParityReference,
  tolerance: number,
): Promise<Parity> {
  const { sequences, logits } = reference
  if (sequences.length === 0) throw new ShapeMismatch('parity needs at least one text')
  if (sequences.length !== logits.length) {
    throw new ShapeMismatch(`parity has ${sequences.length} texts and reference logits of ${logits.length}`)
  }
  let maxLogitDifference = 0
  let agreed = 0
  for (const [i, sequence] of sequences.entries()) {
    const [exported] = await session.run([sequence])
    const trained = logits[i]!
    if (exported?.length !== trained.length) {
      throw new ShapeMismatch(`the model gives ${exported?.length} logits, the reference has ${trained.length}`)
    }
    exported.forEach((value, label) => {
      const difference = Math.abs(value - trained[label]!)
      maxLogitDifference = Math.max(maxLogitDifference, difference) // NaN stays NaN, and fails
    })
    if (mostLikely(exported) === mostLikely(trained)) agreed++
  }
  return { texts: sequences.length, maxLogitDifference, tolerance, labelAgreement: agreed / sequences.length }
}

/** @throws ParityFailed when the difference is above the tolerance, or not a number */
export function enforceParity(parity: Parity, model: string): void {
  if (parity.maxLogitDifference <= parity.tolerance) return
  throw new ParityFailed(
    `${model}: the exported logits differ from the trained ones by up to ${parity.maxLogitDifference} on ${parity.texts} texts (allowed: ${parity.tolerance}); export with precision fp16, or look for weights beyond ±65504`,
  )
}

function mostLikely(logits: Float32Array | readonly number[]): number {
  let best = 0
  for (let label = 1; label < logits.length; label++) if (logits[label]! > logits[best]!) best = label
  return best
}
