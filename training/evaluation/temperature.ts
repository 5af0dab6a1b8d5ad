import type { Calibration } from '../../src/family/family-schema.js'
import { eceMetric } from './calibration-error.js'
import { nllMetric } from './proper-scores.js'
import { onceEach, scoreExamples } from './sample.js'
import { type ClassRows, softmaxRows } from './softmax.js'

/** Temperatures are looked for between these: beyond them, logits are as good as one-hot or uniform. */
export const TEMPERATURE_BOUNDS = [0.05, 20] as const
const GOLDEN = (Math.sqrt(5) - 1) / 2
const LOG_TOLERANCE = 1e-7

/**
 * Temperature scaling (Guo et al. 2017): the T that minimises the NLL of softmax(logits / T), found by golden-section search
 * on log T. The NLL is convex in 1/T, so that it has one valley; where T = 1 is no worse, T is 1.
 * @param logits [examples, labels], of a split that was not trained on
 * @param labels true class of every example
 * @param fittedOn name of that split, for the report
 */
export function fitTemperature(logits: ClassRows, labels: readonly number[], fittedOn = 'validation'): Calibration {
  const at = (temperature: number) => scoreExamples(softmaxRows(logits, temperature), labels)
  const counts = onceEach(labels.length)
  const nll = (temperature: number) => nllMetric(at(temperature))(counts)
  const ece = (temperature: number) => eceMetric(at(temperature), 'equal-width')(counts)

  const found = Math.exp(
    minimiseUnimodal((log) => nll(Math.exp(log)), Math.log(TEMPERATURE_BOUNDS[0]), Math.log(TEMPERATURE_BOUNDS[1])),
  )
  const nllBefore = nll(1)
  const temperature = nll(found) < nllBefore ? found : 1
  return {
    method: 'temperature',
    temperature,
    fittedOn,
    nllBefore,
    nllAfter: nll(temperature),
    eceBefore: ece(1),
    eceAfter: ece(temperature),
  }
}

/** Golden-section search: the minimum of a function with one valley, on [low, high]. */
function minimiseUnimodal(f: (x: number) => number, low: number, high: number): number {
  let left = high - GOLDEN * (high - low)
  let right = low + GOLDEN * (high - low)
  let atLeft = f(left)
  let atRight = f(right)
  while (high - low > LOG_TOLERANCE) {
    if (atLeft <= atRight) {
      high = right
      right = left
      atRight = atLeft
      left = high - GOLDEN * (high - low)
      atLeft = f(left)
    } else {
      low = left
      left = right
      atLeft = atRight
      right = low + GOLDEN * (high - low)
      atRight = f(right)
    }
  }
  return (low + high) / 2
}
