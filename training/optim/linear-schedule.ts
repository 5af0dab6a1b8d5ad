import { InvalidConfiguration } from '../../src/errors.js'

export interface LinearSchedule {
  /** the highest learning rate */
  readonly peak: number
  readonly totalSteps: number
  /** share of the steps that warm up, in [0, 1); 0.1 unless told otherwise */
  readonly warmupShare?: number
}

/**
 * Linear warm-up to the peak, then linear decay towards 0. No step is wasted at a rate of 0: the first of w warm-up steps
 * has peak/w, the last of d decaying steps peak/d.
 * @returns the learning rate of a step, counted from 0; the last step's rate beyond the end
 * @throws InvalidConfiguration when a setting is out of range
 */
export function linearSchedule({ peak, totalSteps, warmupShare = 0.1 }: LinearSchedule): (step: number) => number {
  if (!(peak > 0 && Number.isFinite(peak))) throw new InvalidConfiguration('learning_rate', `${peak} is not above 0`)
  if (!(warmupShare >= 0 && warmupShare < 1)) {
    throw new InvalidConfiguration('warmup_share', `${warmupShare} is not in [0, 1)`)
  }
  if (!(Number.isInteger(totalSteps) && totalSteps > 0)) {
    throw new InvalidConfiguration('total_steps', `${totalSteps} is not a positive integer`)
  }
  const warmup = Math.floor(totalSteps * warmupShare)
  const decaying = totalSteps - warmup
  return (step) => {
    if (step < warmup) return peak * ((step + 1) / warmup)
    return peak * (Math.max(1, totalSteps - step) / decaying)
  }
}
