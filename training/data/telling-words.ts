import { comparableWords } from './near-duplicates.js'

/** A word that gives the label away by itself. */
export interface TellingWord {
  readonly word: string
  /** the most frequent label of the texts that hold it */
  readonly label: string
  /** texts that hold the word */
  readonly rows: number
  /** of answering the most frequent label of the texts with the word, and of those without */
  readonly accuracy: number
  readonly majorityRate: number
}

const LEAST_ROWS = 10
/** Far beyond chance even for the best of 100,000 words. */
const LEAST_STANDARD_ERRORS = 6

/**
 * Words that alone take accuracy at least half of the way from the majority rate to 1, such as "reversed" in facts that were
 * written after the decision. Ordinary topic words do not get that far.
 * @param classes class of every text
 */
export function findTellingWords(
  texts: readonly string[],
  classes: readonly number[],
  labels: readonly string[],
): TellingWord[] {
  const totals = new Array<number>(labels.length).fill(0)
  for (const label of classes) totals[label]!++
  const countsOf = new Map<string, Int32Array>()
  for (const [i, text] of texts.entries()) {
    for (const word of new Set(comparableWords(text))) {
      let counts = countsOf.get(word)
      if (counts === undefined) {
        counts = new Int32Array(labels.length)
        countsOf.set(word, counts)
      }
      counts[classes[i]!]!++
    }
  }
  const majority = indexOfGreatest(totals)
  const majorityRate = totals[majority]! / texts.length
  const telling: TellingWord[] = []
  for (const [word, present] of countsOf) {
    const rows = present.reduce((sum, count) => sum + count, 0)
    if (rows < LEAST_ROWS) continue
    const absent = totals.map((total, label) => total - present[label]!)
    const withWord = indexOfGreatest(present)
    const without = indexOfGreatest(absent)
    const accuracy = (present[withWord]! + absent[without]!) / texts.length
    const gained = accuracy * texts.length - totals[majority]!
    const standardErrors = gained / Math.sqrt(Math.max(1, withWord === majority ? texts.length - rows : rows))
    if (accuracy < (1 + majorityRate) / 2 || standardErrors < LEAST_STANDARD_ERRORS) continue
    telling.push({ word, label: labels[withWord]!, rows, accuracy, majorityRate })
  }
  return telling.sort((a, b) => b.accuracy - a.accuracy).slice(0, 20)
}

function indexOfGreatest(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
