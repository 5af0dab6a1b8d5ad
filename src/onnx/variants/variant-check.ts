/** A variant beside the portable model that it is derived from: the same texts, close enough answers. */
import { ShapeMismatch } from '../../errors.js'
import { argmax, softmax } from '../../family/softmax.js'
import type { EncoderSession, TokenSequence } from '../encoder-session.js'
import type { DerivedVariant } from './variant-names.js'

export interface VariantDifference {
  readonly texts: number
  readonly maxLogitDifference: number
  /** of calibrated probabilities, 0 to 1 */
  readonly maxProbabilityDifference: number
  readonly meanProbabilityDifference: number
  /** share of texts with the same likeliest label */
  readonly labelAgreement: number
}

interface Tolerance {
  readonly maxLogitDifference?: number
  readonly maxProbabilityDifference?: number
  readonly meanProbabilityDifference?: number
  readonly labelAgreement?: number
}

/**
 * fp32 differs by rounding alone, of one order of sums or another. fp16 has eleven bits: a thousandth of a state's size at
 * every step, and NaN where a state is beyond 65,504. int8 may move a text's probabilities, a little on average; one text in ten may change its
 * label, where two labels are nearly as likely.
 */
export const VARIANT_TOLERANCES: Readonly<Record<DerivedVariant, Tolerance>> = {
  fused_fp32: { maxLogitDifference: 1e-4 },
  fused_fp16: { maxProbabilityDifference: 0.02, meanProbabilityDifference: 0.005, labelAgreement: 0.9 },
  fused_int8: { maxProbabilityDifference: 0.15, meanProbabilityDifference: 0.02, labelAgreement: 0.9 },
}

/** Texts that the variant gets at once: of several lengths, so that what it makes of a batch is compared as well. */
const BATCH = 4

/**
 * The portable model gets each sequence alone.
 * @param temperature of the tier's calibration
 * @throws ShapeMismatch when there is no sequence
 */
export async function compareVariant(
  variant: EncoderSession,
  portable: EncoderSession,
  sequences: readonly TokenSequence[],
  temperature: number,
): Promise<VariantDifference> {
  if (sequences.length === 0) throw new ShapeMismatch('a variant is checked on at least one text')
  const found: Float32Array[] = []
  for (let at = 0; at < sequences.length; at += BATCH) {
    found.push(...(await variant.run(sequences.slice(at, at + BATCH))))
  }
  const expected: Float32Array[] = []
  for (const sequence of sequences) expected.push(...(await portable.run([sequence])))
  return variantDifference(found, expected, temperature)
}

/** @param found logits, [texts, labels] @param expected the portable model's */
export function variantDifference(
  found: readonly Float32Array[],
  expected: readonly Float32Array[],
  temperature: number,
): VariantDifference {
  let maxLogitDifference = 0
  let maxProbabilityDifference = 0
  let sum = 0
  let agreed = 0
  expected.forEach((logits, text) => {
    const [before, after] = [softmax(logits, temperature), softmax(found[text]!, temperature)]
    logits.forEach((logit, label) => {
      const moved = Math.abs(after[label]! - before[label]!)
      // NaN stays NaN, and fails
      maxLogitDifference = Math.max(maxLogitDifference, Math.abs(found[text]![label]! - logit))
      maxProbabilityDifference = Math.max(maxProbabilityDifference, moved)
      sum += moved / logits.length
    })
    if (argmax(logits) === argmax(found[text]!)) agreed++
  })
  return {
    texts: expected.length,
    maxLogitDifference,
    maxProbabilityDifference,
    meanProbabilityDifference: sum / expected.length,
    labelAgreement: agreed / expected.length,
  }
}

/** @returns why the variant may not be used, a clause; undefined when it may */
export function variantFault(variant: DerivedVariant, difference: VariantDifference): string | undefined {
  const { labelAgreement = 0, ...allowed } = VARIANT_TOLERANCES[variant]
  if (!Number.isFinite(difference.maxLogitDifference)) return 'its logits are not numbers: its arithmetic overflows'
  const faults: [string, number, number | undefined][] = [
    ['logits differ by up to', difference.maxLogitDifference, allowed.maxLogitDifference],
    ['probabilities differ by up to', difference.maxProbabilityDifference, allowed.maxProbabilityDifference],
    ['probabilities differ on average by', difference.meanProbabilityDifference, allowed.meanProbabilityDifference],
  ]
  const fault = faults.find(([, value, most = Number.POSITIVE_INFINITY]) => value > most)
  if (fault) {
    return `its ${fault[0]} ${fault[1].toPrecision(2)} from the portable model's (allowed: at most ${fault[2]})`
  }
  if (difference.labelAgreement >= labelAgreement) return undefined
  return `it gives ${percent(difference.labelAgreement)} of the texts the portable model's label (allowed: at least ${percent(labelAgreement)})`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`
}
