import { type LossesConfig, METHODS, type MethodName } from '../recipes/losses-config.js'
import type { StudyMethod } from './study-schema.js'

/** The method without a teacher: plain fine-tuning with the same budget. */
export const CONTROL = 'control'

/** @returns a named method of the field, as a configuration spells it out */
export function namedMethod(name: string): StudyMethod {
  return { name, losses: structuredClone(METHODS[name as MethodName]) as LossesConfig }
}
