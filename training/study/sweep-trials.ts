import { InvalidConfiguration } from '../../src/errors.js'
import { createRandom, type Random } from '../random.js'
import { canonicalJson } from './stage-key.js'
import type { SweepConfig, SweepRange } from './study-schema.js'

export type Value = number | string | boolean
/** Path into the configuration → value. */
export type Trial = Readonly<Record<string, Value>>

/**
 * The trials of a sweep: every combination of a grid, or as many random draws as the budget allows (uniform, or uniform in
 * the logarithm), each once.
 * @throws InvalidConfiguration when a grid is larger than its budget or has a range, or a range is empty
 */
export function sweepTrials({ kind, budget, seed, parameters }: SweepConfig): Trial[] {
  const entries = Object.entries(parameters)
  if (kind === 'grid') {
    const lists = entries.map(([path, values]): [string, readonly Value[]] => {
      if (Array.isArray(values)) return [path, values]
      throw new InvalidConfiguration(`sweep.parameters.${path}`, 'a grid needs a list of values; or take kind: random')
    })
    const size = lists.reduce((product, [, values]) => product * values.length, 1)
    if (size > budget) {
      throw new InvalidConfiguration(
        'sweep.budget',
        `the grid has ${size} trials and the budget is ${budget}; raise it, try fewer values, or take kind: random`,
      )
    }
    return lists.reduce<Trial[]>(
      (trials, [path, values]) => trials.flatMap((trial) => values.map((value) => ({ ...trial, [path]: value }))),
      [{}],
    )
  }
  for (const [path, values] of entries) if (!Array.isArray(values)) checkRange(path, values)
  const random = createRandom(seed).fork('sweep')
  const trials = new Map<string, Trial>()
  // a small space of lists may hold fewer combinations than the budget
  for (let draw = 0; trials.size < budget && draw < 50 * budget; draw++) {
    const trial = Object.fromEntries(entries.map(([path, values]) => [path, drawn(values, random)]))
    trials.set(canonicalJson(trial), trial)
  }
  return [...trials.values()]
}

function drawn(values: readonly Value[] | SweepRange, random: Random): Value {
  if (Array.isArray(values)) return values[random.integer(values.length)]!
  const { min, max, scale, integer } = values as SweepRange
  const at = random.next()
  if (integer && scale === 'linear') return min + Math.floor(at * (max - min + 1))
  const value = scale === 'log' ? min * (max / min) ** at : min + at * (max - min)
  return integer ? Math.round(value) : Number(value.toPrecision(6))
}

function checkRange(path: string, { min, max, scale, integer }: SweepRange): void {
  const refuse = (why: string) => {
    throw new InvalidConfiguration(`sweep.parameters.${path}`, why)
  }
  if (!(min < max)) refuse(`min ${min} is not below max ${max}`)
  if (scale === 'log' && min <= 0) refuse(`a logarithmic range starts above 0, not at ${min}`)
  if (integer && !(Number.isInteger(min) && Number.isInteger(max))) refuse('min and max must be integers')
}
