import { ShapeMismatch } from '../../src/errors.js'
import { chiSquaredTail } from './chi-squared.js'

/** With fewer cases than this to tell two models apart, the test is exact. */
export const EXACT_BELOW = 25

/** For each seed, whether each case was answered rightly: [seeds][cases]. */
export type Correctness = readonly (readonly boolean[])[]

export interface McNemar {
  /** [only b right, only a right] over cases, mean over pairs of a seed of a and a seed of b */
  readonly discordant: [number, number]
  readonly test: 'exact' | 'chi-squared'
  /** two-sided */
  readonly p: number
}

/**
 * McNemar's test of whether two models err equally often on the same cases. A case counts once however many seeds answered
 * it: its difference d is the share of a's seeds that got it right less the share of b's.
 *
 * Under the null hypothesis d and −d are equally likely. Where fewer than 25 cases have d ≠ 0, p is exact: the share of all
 * assignments of signs whose |Σd| is at least the observed one. Otherwise (|Σd| − c)² / Σd² is compared with chi-squared with
 * one degree of freedom, c being half of the step that Σd moves in (continuity correction). With one seed each these are
 * McNemar's binomial test and his corrected chi-squared test; with several, the test for clustered pairs, a case being a
 * cluster. Seeds are taken as they are: p says nothing about seeds that were not run.
 * @throws ShapeMismatch when the cases differ in number
 * @see McNemar 1947; Edwards 1948; Durkalski et al. 2003, Statistics in Medicine 22
 */
export function mcnemar(a: Correctness, b: Correctness): McNemar {
  const cases = a[0]?.length ?? 0
  if (cases === 0 || b.length === 0 || [...a, ...b].some((seed) => seed.length !== cases)) {
    throw new ShapeMismatch('McNemar needs at least one seed of each model, on the same cases')
  }
  const differences: number[] = [] // whole numbers, in units of 1 / (seeds of a · seeds of b)
  const discordant: [number, number] = [0, 0]
  const unit = a.length * b.length
  for (let i = 0; i < cases; i++) {
    const rightA = timesRight(a, i)
    const rightB = timesRight(b, i)
    discordant[0] += ((a.length - rightA) * rightB) / unit
    discordant[1] += (rightA * (b.length - rightB)) / unit
    const difference = rightA * b.length - rightB * a.length
    if (difference !== 0) differences.push(difference)
  }
  const test = differences.length < EXACT_BELOW ? 'exact' : 'chi-squared'
  return { discordant, test, p: test === 'exact' ? signFlips(differences) : chiSquared(differences) }
}

function timesRight(seeds: Correctness, example: number): number {
  let right = 0
  for (const seed of seeds) if (seed[example]) right++
  return right
}

/** @returns the share of the 2ⁿ assignments of signs whose |sum| is at least the observed one */
function signFlips(differences: readonly number[]): number {
  let sums = new Map([[0, 1]])
  for (const difference of differences) {
    const next = new Map<number, number>()
    for (const [sum, ways] of sums) {
      for (const moved of [sum + difference, sum - difference]) next.set(moved, (next.get(moved) ?? 0) + ways)
    }
    sums = next
  }
  const observed = Math.abs(total(differences))
  let asFar = 0
  for (const [sum, ways] of sums) if (Math.abs(sum) >= observed) asFar += ways
  return asFar / 2 ** differences.length
}

function chiSquared(differences: readonly number[]): number {
  const squares = differences.reduce((sum, difference) => sum + difference ** 2, 0)
  const halfStep = differences.reduce(greatestCommonDivisor, 0)
  const distance = Math.max(0, Math.abs(total(differences)) - halfStep)
  return chiSquaredTail(distance ** 2 / squares)
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b)
}
