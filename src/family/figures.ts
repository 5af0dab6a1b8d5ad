import type { MajorityBaseline, Quality } from './family-schema.js'

/** @returns measured figures, or the majority baseline's, in the snake_case that the API and the command line show */
export function figures<T extends Quality | MajorityBaseline>({ macroF1, eceEqualMass, ...rest }: T) {
  return { ...rest, macro_f1: macroF1 as T['macroF1'], ece_equal_mass: eceEqualMass as T['eceEqualMass'] }
}
