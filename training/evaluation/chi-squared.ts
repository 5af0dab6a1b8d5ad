/**
 * Chance that a chi-squared variable with one degree of freedom is at least x: erfc(√(x / 2)).
 * @param x at least 0
 */
export function chiSquaredTail(x: number): number {
  return complementaryError(Math.sqrt(x / 2))
}

/** erfc(z) for z ≥ 0, to about 14 digits: a Taylor series near 0, the continued fraction (Lentz) beyond. */
function complementaryError(z: number): number {
  if (z < 2) {
    let term = z
    let sum = z
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-z * z) / n
      sum += term / (2 * n + 1)
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = z
  for (let k = 120; k >= 1; k--) fraction = z + k / 2 / fraction
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction)
}
