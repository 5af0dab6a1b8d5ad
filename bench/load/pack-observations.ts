/**
 * Observations as columns of numbers, which go from thread to thread without a copy: as objects, 300,000 take two seconds. Pure.
 */
import { type Answer, isAnswered, type Observation } from './observation.js'

export interface PackedObservations {
  /** `COLUMNS` of each observation */
  readonly numbers: Float64Array<ArrayBuffer>
  /** of each, its index in `kinds` */
  readonly kindOf: Uint16Array<ArrayBuffer>
  readonly kinds: readonly Kind[]
}

/** What few observations differ in. */
type Kind = Pick<Answer, 'tier' | 'reason' | 'budgetMet'> | { readonly errorCode: string }

const COLUMNS = 8

/** @param offsetMs to add to times, so that another thread can read them (sharedClockOffsetMs) */
export function packObservations(observations: readonly Observation[], offsetMs: number): PackedObservations {
  const numbers = new Float64Array(COLUMNS * observations.length)
  const kindOf = new Uint16Array(observations.length)
  const kinds: Kind[] = []
  const known = new Map<string, number>()
  observations.forEach((observation, index) => {
    const { intendedMs, sentMs, endedMs, budgetMs } = observation
    const answered = isAnswered(observation)
    const kind = answered ? kindOfAnswer(observation.outcome) : (observation.outcome as Kind)
    const key = JSON.stringify(kind)
    if (!known.has(key)) known.set(key, kinds.push(kind) - 1)
    kindOf[index] = known.get(key)!
    const said = answered ? observation.outcome : { predictedMs: 0, actualMs: 0, texts: 0, tokens: 0 }
    numbers.set(
      [
        ...[intendedMs + offsetMs, sentMs + offsetMs, endedMs + offsetMs, budgetMs ?? Number.NaN],
        ...[said.predictedMs, said.actualMs, said.texts, said.tokens],
      ],
      COLUMNS * index,
    )
  })
  return { numbers, kindOf, kinds }
}

/** @param offsetMs to take from times: this thread's */
export function unpackObservations({ numbers, kindOf, kinds }: PackedObservations, offsetMs: number): Observation[] {
  return Array.from(kindOf, (kindIndex, index) => {
    const kind = kinds[kindIndex]!
    const at = (column: number) => numbers[COLUMNS * index + column]!
    const budgetMs = Number.isNaN(at(3)) ? undefined : at(3)
    const answer = { predictedMs: at(4), actualMs: at(5), texts: at(6), tokens: at(7) }
    const outcome = 'errorCode' in kind ? kind : { ...kind, ...answer }
    return { intendedMs: at(0) - offsetMs, sentMs: at(1) - offsetMs, endedMs: at(2) - offsetMs, budgetMs, outcome }
  })
}

function kindOfAnswer({ tier, reason, budgetMet }: Answer): Kind {
  return { tier, reason, budgetMet }
}
