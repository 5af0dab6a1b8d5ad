import { type Approach, advise, COMPUTE_LEVELS, PRIORITIES } from '../../training/advise/advise.js'
import { InvalidConfiguration } from '../errors.js'

export interface AdviseFlags {
  readonly priority: string
  readonly acceptableAccuracyDrop?: string
  readonly compute: string
  readonly rows?: string
  readonly json?: boolean
}

const APPROACHES: Record<Approach, string> = {
  fine_tune_large_model: 'Fine-tune the large model.',
  fine_tune_small_model: 'Fine-tune a small model.',
  distil_to_small_model: 'Fine-tune a large model and distil it to a small one.',
  fine_tune_teacher_then_distil_multiple_sizes: 'Fine-tune a teacher, then distil students of several sizes.',
  fine_tune_only: 'Fine-tune one model and leave distilling out.',
}

export function runAdvice(flags: AdviseFlags): void {
  const advice = advise({
    priority: oneOf('--priority', flags.priority, PRIORITIES),
    acceptableAccuracyDrop: dropOption(flags.acceptableAccuracyDrop),
    compute: oneOf('--compute', flags.compute, COMPUTE_LEVELS),
    rows: rowsOption(flags.rows),
  })
  if (flags.json) console.log(JSON.stringify(advice, null, 2))
  else console.log([`${APPROACHES[advice.approach]} (${advice.approach})`, ...advice.reasons].join('\n'))
}

function oneOf<Name extends string>(flag: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text)
  if (found === undefined) throw new InvalidConfiguration(flag, `"${text}" is not one of ${names.join(', ')}`)
  return found
}

function dropOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const drop = Number(text)
  if (text.trim() === '' || !(drop >= 0 && drop <= 100)) {
    throw new InvalidConfiguration('--acceptable-accuracy-drop', `"${text}" is not a number of points from 0 to 100`)
  }
  return drop
}

function rowsOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new InvalidConfiguration('--rows', `"${text}" is not a whole number from 0 on`)
  return Number(text)
}
