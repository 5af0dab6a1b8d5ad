/** Nodes in ascending order and their weights; the weights sum to 1. */
export interface Quadrature {
  readonly nodes: readonly number[]
  readonly weights: readonly number[]
}

/** Newton's steps at a root of a Legendre polynomial; its start is so close that five reach machine precision. */
const NEWTON_STEPS = 8

/**
 * Gauss-Legendre quadrature on [0, 1]: exact for polynomials up to degree 2 · count − 1. The nodes are the roots of the
 * Legendre polynomial Pₙ, found by Newton's method and moved from [−1, 1]; weights are 1/((1 − x²) P′ₙ(x)²).
 * @param count nodes, at least 1
 * @see Abramowitz and Stegun 1972, 25.4.29
 */
export function gaussLegendre(count: number): Quadrature {
  const nodes: number[] = []
  const weights: number[] = []
  for (let i = count - 1; i >= 0; i--) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5))
    for (let step = 0; step < NEWTON_STEPS; step++) {
      const { value, slope } = legendre(count, x)
      x -= value / slope
    }
    const { slope } = legendre(count, x)
    nodes.push((1 + x) / 2)
    weights.push(1 / ((1 - x * x) * slope * slope))
  }
  return { nodes, weights }
}

/** Pₙ(x) by its three-term recurrence, and its derivative; |x| < 1. */
function legendre(degree: number, x: number): { value: number; slope: number } {
  let before = 1
  let value = x
  for (let n = 2; n <= degree; n++) [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n]
  return { value, slope: (degree * (x * value - before)) / (x * x - 1) }
}
