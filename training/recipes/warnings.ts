/** What someone who trains should hear before they believe, or wait for, a result. Each is a sentence, or undefined. */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterCount } from '../../src/family/parameters.js'
import type { LossesConfig } from './losses-config.js'

/** Above it soft targets are nearly uniform: little of what the teacher knows is left in them. */
const HIGH_TEMPERATURE = 5
/** Beyond it students lose much more than a point or two. */
const HIGH_COMPRESSION = 10
/** How far both losses move apart, as a share of each at the best epoch, before it is worth a word. */
const PARTING = 0.1

export function temperatureWarning(stage: string, { soft }: LossesConfig): string | undefined {
  if (!soft || soft.weight === 0 || soft.temperature <= HIGH_TEMPERATURE) return undefined
  return (
    `${stage}: a temperature of ${soft.temperature} makes the teacher's probabilities nearly equal; ` +
    '2 to 4 is usual, the more labels the higher'
  )
}

export function compressionWarning(stage: string, student: EncoderConfig, teacher: EncoderConfig): string | undefined {
  const ratio = parameterCount(teacher) / parameterCount(student)
  if (ratio <= HIGH_COMPRESSION) return undefined
  return (
    `${stage}: ${ratio.toFixed(1)} times fewer parameters than its teacher; beyond ${HIGH_COMPRESSION} times expect to lose ` +
    'several points. A step between the two, each the teacher of the next, may help'
  )
}

/** Said where no step of an epoch counted. @param epoch counted from 1 */
export function overflowWarning(stage: string, epoch: number, steps: number): string {
  return (
    `${stage}: nothing was learnt in epoch ${epoch}, because the gradients of all its ${steps} steps overflowed float16 and ` +
    'such steps are skipped; if that goes on, train with --precision float32'
  )
}

/**
 * Said before hours go into students that cannot be better than their teacher.
 * @param accuracy of the teacher, with the lower end of its 95% interval
 * @param majority accuracy of always answering the most frequent training label, on the same examples
 */
export function teacherWarning(
  split: string,
  accuracy: { readonly value: number; readonly low: number; readonly high: number },
  majority: number,
): string | undefined {
  if (accuracy.low > majority) return undefined
  const { value, low, high } = accuracy
  return (
    'the teacher is not clearly better than always answering the majority label ' +
    `(${split} accuracy ${percent(value)}% [${percent(low)}, ${percent(high)}], majority ${percent(majority)}%): ` +
    'its students cannot be either'
  )
}

export interface EpochLosses {
  readonly epoch: number
  /** mean of what is minimised over the epoch's batches; with distillation no NLL, so that only its course counts */
  readonly trainLoss: number
  /** the measure by which the best epoch was chosen */
  readonly validationLoss: number
}

/**
 * Train and validation losses part when the best epoch lies in the first half of those that ran, and from it to the last the
 * training loss fell by a tenth or more while the validation loss rose by a tenth or more.
 */
export function partingLossesWarning(
  stage: string,
  history: readonly EpochLosses[],
  bestEpoch: number,
): string | undefined {
  const best = history.find(({ epoch }) => epoch === bestEpoch)
  const last = history.at(-1)
  if (!best || !last || bestEpoch > history.length / 2) return undefined
  const fell = last.trainLoss <= best.trainLoss * (1 - PARTING)
  const rose = last.validationLoss >= best.validationLoss * (1 + PARTING)
  if (!fell || !rose) return undefined
  return (
    `${stage}: training and validation losses part after epoch ${bestEpoch} of ${history.length} (training ` +
    `${best.trainLoss.toFixed(3)} → ${last.trainLoss.toFixed(3)}, validation ${best.validationLoss.toFixed(3)} → ` +
    `${last.validationLoss.toFixed(3)}): it learns its examples by heart. Epoch ${bestEpoch} is kept; a lower ` +
    'learning_rate, fewer layers or more examples help'
  )
}

function percent(share: number): string {
  return (100 * share).toFixed(1)
}
