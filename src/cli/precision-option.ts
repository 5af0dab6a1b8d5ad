import type { Precision } from '../../training/engine/types.js'
import { InvalidConfiguration } from '../errors.js'

export const PRECISION_HELP = 'of training steps: float32, float16 (mixed precision) or auto: float16 on CUDA'

/** `--precision` as an option of an engine. @throws InvalidConfiguration naming the choices */
export function precisionOption({ precision = 'auto' }: { readonly precision?: string }): { precision?: Precision } {
  if (precision === 'auto') return {}
  if (precision === 'float32' || precision === 'float16') return { precision }
  throw new InvalidConfiguration('--precision', `"${precision}" is none of auto, float32, float16`)
}
