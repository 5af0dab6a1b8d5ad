import { InvalidConfiguration } from '../../src/errors.js'
import { crossEntropyTerm } from './cross-entropy.js'
import type { Loss } from './loss.js'
import { softTargetTerm } from './soft-target.js'
import { weightedSum } from './weighted-sum.js'

export interface DistillationWeights {
  /** of the soft-target loss, in [0, 1] */
  readonly softWeight: number
  /** of the cross-entropy with the true labels, in [0, 1] */
  readonly hardWeight: number
  /** in [1, 10] */
  readonly temperature: number
  /** of the hard term, in [0, 1); 0 unless told otherwise */
  readonly labelSmoothing?: number
}

/**
 * The objective of vanilla distillation: softWeight · soft-target loss + hardWeight · cross-entropy, from the batch's
 * `teacherLogits` [batch, labels] and `labels` int32 [batch]. Parts `soft` and `hard`; a term of weight 0 is left out.
 * @throws InvalidConfiguration when a weight is out of range or both are 0
 * @see Hinton et al. 2015, section 2
 */
export function vanillaDistillation({
  softWeight,
  hardWeight,
  temperature,
  labelSmoothing = 0,
}: DistillationWeights): Loss {
  checkWeight('soft_weight', softWeight)
  checkWeight('hard_weight', hardWeight)
  if (softWeight + hardWeight === 0) {
    throw new InvalidConfiguration('soft_weight', 'soft_weight and hard_weight are both 0; nothing would be learnt')
  }
  return weightedSum([softTargetTerm(softWeight, temperature), crossEntropyTerm(hardWeight, labelSmoothing)])
}

function checkWeight(setting: string, weight: number): void {
  if (!(weight >= 0 && weight <= 1)) throw new InvalidConfiguration(setting, `${weight} is not in [0, 1]`)
}
