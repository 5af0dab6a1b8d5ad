/** Where the centre of a point is drawn, in pixels from the top left. */
export interface PlacedPoint {
  readonly x: number
  readonly y: number
}

export interface LabelPlace {
  readonly side: 'left' | 'right'
  /** pixels below the height of the point */
  readonly down: number
}

/** Points this near each other sideways share a column, whose labels must not cover each other. */
const COLUMN_WIDTH = 30
const LINE_HEIGHT = 12

/**
 * Places for the labels of points, at their left and right by turns down a column, and moved down where two on a side would overlap.
 * @returns in the order of the points
 */
export function labelPlaces(points: readonly PlacedPoint[]): LabelPlace[] {
  const places = new Array<LabelPlace>(points.length)
  for (const column of columns(points)) {
    const lowest = { left: Number.NEGATIVE_INFINITY, right: Number.NEGATIVE_INFINITY }
    const downwards = [...column].sort((a, b) => points[a]!.y - points[b]!.y)
    for (const i of downwards) {
      const { y } = points[i]!
      const side = lowest.left <= lowest.right ? 'left' : 'right'
      const placed = Math.max(y, lowest[side] + LINE_HEIGHT)
      lowest[side] = placed
      places[i] = { side, down: placed - y }
    }
  }
  return places
}

function columns(points: readonly PlacedPoint[]): number[][] {
  const found: number[][] = []
  const sideways = [...points.keys()].sort((a, b) => points[a]!.x - points[b]!.x)
  for (const i of sideways) {
    const last = found.at(-1)
    if (last && points[i]!.x - points[last[0]!]!.x < COLUMN_WIDTH) last.push(i)
    else found.push([i])
  }
  return found
}
