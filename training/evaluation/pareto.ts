export interface ParetoPoint {
  readonly name: string
  /** more is better */
  readonly quality: number
  /** less is better */
  readonly latencyMs: number
}

/**
 * The models that no other beats: none is at least as good and at least as fast, and better in one of the two.
 * @returns fastest first
 */
export function paretoFront<Point extends ParetoPoint>(points: readonly Point[]): Point[] {
  const beats = (a: Point, b: Point) =>
    a.quality >= b.quality && a.latencyMs <= b.latencyMs && (a.quality > b.quality || a.latencyMs < b.latencyMs)
  return points
    .filter((point) => !points.some((other) => beats(other, point)))
    .sort((a, b) => a.latencyMs - b.latencyMs || a.quality - b.quality)
}
