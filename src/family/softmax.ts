/**
 * Probabilities of the classes: softmax(logits / temperature), float64.
 * @param logits [labels]
 */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float64Array {
  const probabilities = new Float64Array(logits.length)
  let greatest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) greatest = Math.max(greatest, logits[i]!)
  let sum = 0
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp((logits[i]! - greatest) / temperature)
    probabilities[i] = weight
    sum += weight
  }
  for (let i = 0; i < logits.length; i++) probabilities[i]! /= sum
  return probabilities
}

/** @returns the class of the greatest value; the first on ties */
export function argmax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
