/** One timed batch shape. */
export interface LatencySample {
  /** tokens a row, padding included */
  readonly tokens: number
  readonly rows: number
  readonly ms: number
}

/** Time of a batch, ms, never falling in either argument. */
export type LatencySurface = (tokens: number, rows: number) => number

interface Curve {
  readonly rows: number
  readonly points: readonly LatencySample[]
}

/**
 * Interpolates timed shapes linearly over tokens and over rows. Noise that would make a larger batch quicker is levelled
 * up. Beyond the longest sequence and the most rows timed, time grows in proportion. What a batch of short sequences saves is
 * a run's fixed cost: a row count timed for them only saves as much, and no more, of longer ones.
 * @param samples any shapes, at least one of a single row; of repeated shapes the quickest counts
 */
export function latencySurface(samples: readonly LatencySample[]): LatencySurface {
  const curves = curvesByRows(samples)
  const single = curves[0]
  if (!single) return () => 0
  const atCurve = (index: number, tokens: number): number => {
    const curve = curves[index]!
    const last = curve.points.at(-1)!
    if (tokens <= last.tokens) return alongCurve(curve, tokens)
    if (index === 0) return (last.ms * tokens) / last.tokens
    return last.ms + (curve.rows / single.rows) * (atCurve(0, tokens) - atCurve(0, last.tokens))
  }
  return (tokens, rows) => {
    let lower = atCurve(0, tokens)
    let rowsBelow = single.rows
    for (let index = 1; index < curves.length && rows > rowsBelow; index++) {
      const upper = Math.max(lower, atCurve(index, tokens))
      const rowsAbove = curves[index]!.rows
      if (rows <= rowsAbove) return lower + ((upper - lower) * (rows - rowsBelow)) / (rowsAbove - rowsBelow)
      lower = upper
      rowsBelow = rowsAbove
    }
    return rows <= rowsBelow ? lower : (lower * rows) / rowsBelow
  }
}

function curvesByRows(samples: readonly LatencySample[]): Curve[] {
  const byRows = new Map<number, Map<number, number>>()
  for (const { rows, tokens, ms } of samples) {
    const curve = byRows.get(rows) ?? new Map<number, number>()
    byRows.set(rows, curve)
    curve.set(tokens, Math.min(ms, curve.get(tokens) ?? Number.POSITIVE_INFINITY))
  }
  return [...byRows]
    .sort(([a], [b]) => a - b)
    .map(([rows, curve]) => {
      let floor = 0
      const points = [...curve]
        .sort(([a], [b]) => a - b)
        .map(([tokens, ms]) => {
          floor = Math.max(floor, ms)
          return { tokens, rows, ms: floor }
        })
      return { rows, points }
    })
}

/** Within the timed tokens; below the shortest, the time of the shortest. */
function alongCurve({ points }: Curve, tokens: number): number {
  const above = points.findIndex((point) => point.tokens >= tokens)
  const right = points[above]!
  const left = points[above - 1]
  if (!left) return right.ms
  return left.ms + ((right.ms - left.ms) * (tokens - left.tokens)) / (right.tokens - left.tokens)
}
