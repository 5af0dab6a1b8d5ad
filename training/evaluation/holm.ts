/**
 * Holm's step-down correction: p-values that may each be held against one significance level while the chance of any false
 * finding among them stays below it.
 * @param pValues of all comparisons that are reported together
 * @returns in the same order
 * @see Holm 1979
 */
export function holm(pValues: readonly number[]): number[] {
  const order = [...pValues.keys()].sort((a, b) => pValues[a]! - pValues[b]!)
  const corrected = new Array<number>(pValues.length)
  let least = 0
  for (const [place, i] of order.entries()) {
    least = Math.min(1, Math.max(least, (pValues.length - place) * pValues[i]!))
    corrected[i] = least
  }
  return corrected
}
