/** @returns ascending, distinct inner edges that cut the numbers into at most `bins` parts of about equal size */
export function quantileEdges(numbers: readonly number[], bins: number): number[] {
  const sorted = [...numbers].sort((a, b) => a - b)
  const edges = new Set<number>()
  for (let k = 1; k < bins && sorted.length > 0; k++) edges.add(sorted[Math.floor((k * sorted.length) / bins)]!)
  return [...edges]
}

/** @returns how many edges the number has reached: 0 below the first one */
export function binOf(number: number, edges: readonly number[]): number {
  let bin = 0
  while (bin < edges.length && number >= edges[bin]!) bin++
  return bin
}
