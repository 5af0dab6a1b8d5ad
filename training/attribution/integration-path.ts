import { InvalidConfiguration } from '../../src/errors.js'
import { gaussLegendre } from './gauss-legendre.js'

/** Steps of the quadrature where the caller names none, as in Captum. */
export const DEFAULT_STEPS = 50

/** Points on the straight line from the baseline (0) to the text (1). */
export interface IntegrationPath {
  /** ascending; the first is 0 and the last 1 */
  readonly alphas: Float32Array
  /** of the quadrature; 0 at both ends, which are there for the convergence delta */
  readonly weights: Float32Array
}

/** @throws InvalidConfiguration unless steps is an integer of 1 or more */
export function integrationPath(steps: number = DEFAULT_STEPS): IntegrationPath {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new InvalidConfiguration('steps', `${steps} is not an integer of 1 or more; ${DEFAULT_STEPS} is usual`)
  }
  const { nodes, weights } = gaussLegendre(steps)
  return { alphas: Float32Array.of(0, ...nodes, 1), weights: Float32Array.of(0, ...weights, 0) }
}

/** @returns the largest number of points, at most `most`, into which the path is cut without a rest; at least 1 */
export function chunkSize({ alphas }: IntegrationPath, most: number): number {
  let size = Math.max(1, Math.min(Math.floor(most), alphas.length))
  while (alphas.length % size !== 0) size--
  return size
}
