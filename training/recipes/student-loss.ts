/** From a student's configured losses to the objective that its training minimises, and to the words of its report. */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { distillationLoss } from '../losses/distillation.js'
import type { Loss } from '../losses/loss.js'
import type { FrozenModel } from '../losses/weighted-sum.js'
import { type LossesConfig, METHODS, needsTeacherInside } from './losses-config.js'

/**
 * @param teacher needed where a loss looks inside it
 * @throws InvalidConfiguration when a layer map or the relation heads do not fit the two models, with what would
 */
export function studentLoss(losses: LossesConfig, student: EncoderConfig, teacher?: FrozenModel): Loss {
  const { hard, ...others } = losses
  const smoothed = hard && { weight: hard.weight, labelSmoothing: hard.label_smoothing }
  return distillationLoss({ ...others, hard: smoothed }, student, needsTeacherInside(losses) ? teacher : undefined)
}

/** @returns e.g. `relations distillation (soft 0.9 at temperature 2, hard 0.1, relations 1)` */
export function describeLosses(losses: LossesConfig): string {
  const used = Object.entries(losses).filter(([, loss]) => loss.weight > 0)
  if (used.length === 1 && losses.hard) return 'fine-tuning'
  return `${methodName(losses)} distillation (${used.map(([name, loss]) => describeLoss(name, loss)).join(', ')})`
}

type AnyLoss = Required<LossesConfig>[keyof LossesConfig]

function describeLoss(name: string, loss: AnyLoss): string {
  // 1 − alpha leaves rounding noise that no one wants to read
  const weighted = `${name} ${Math.round(loss.weight * 1000) / 1000}`
  if ('temperature' in loss) return `${weighted} at temperature ${loss.temperature}`
  if ('label_smoothing' in loss)
    return loss.label_smoothing > 0 ? `${weighted} smoothed ${loss.label_smoothing}` : weighted
  const layers = loss.layers === undefined ? '' : ` over layers ${describeLayers(loss.layers)}`
  return `${weighted}${layers}`
}

function describeLayers(layers: Required<LossesConfig>['hidden']['layers']): string {
  return typeof layers === 'string' ? layers : layers.map((pair) => pair.join('-')).join(' ')
}

/** @returns the named method with the same losses, whatever their weights; `combined` where there is none */
function methodName(losses: LossesConfig): string {
  const kinds = (set: LossesConfig) =>
    Object.entries(set)
      .flatMap(([name, loss]) => (loss.weight > 0 && name !== 'hard' ? [name] : []))
      .toSorted()
      .join()
  return Object.entries(METHODS).find(([, method]) => kinds(method) === kinds(losses))?.[0] ?? 'combined'
}
