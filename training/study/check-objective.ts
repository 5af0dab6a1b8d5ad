import { InvalidConfiguration, isLextierError } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { type LossesConfig, needsTeacherInside } from '../recipes/losses-config.js'
import { studentLoss } from '../recipes/student-loss.js'

/**
 * Holds losses against the two models before anything is trained.
 * @param who the model, for the message
 * @param teacher whose inside is looked at; none for models without a teacher, or with members
 * @throws InvalidConfiguration when a layer map or the relation heads do not fit, with what would
 */
export function checkObjective(
  who: string,
  losses: LossesConfig,
  student: EncoderConfig,
  teacher: EncoderConfig | undefined,
): void {
  if (!teacher && needsTeacherInside(losses)) {
    throw new InvalidConfiguration(who, 'learns from labels and logits alone; take soft and hard targets only')
  }
  try {
    studentLoss(losses, student, teacher && { config: teacher, parameters: {} })
  } catch (error) {
    if (!isLextierError(error)) throw error
    throw new InvalidConfiguration(who, error.message)
  }
}
