/**
 * Cuts time into consecutive parts of about the shares asked for. Equal times are never parted: each cut lies between two
 * distinct times, at the one nearest to its share.
 * @param times of the units; a unit of several examples counts as its latest
 * @param sizes examples of the units
 * @returns the part of every unit, earliest part first
 */
export function allocateByTime(
  times: readonly number[],
  sizes: readonly number[],
  shares: readonly number[],
): number[] {
  const order = [...times.keys()].sort((a, b) => times[a]! - times[b]!)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  // Examples before each place in the order at which a new time begins.
  const boundaries: { place: number; before: number }[] = []
  let before = 0
  for (const [place, unit] of order.entries()) {
    if (place === 0 || times[unit] !== times[order[place - 1]!]) boundaries.push({ place, before })
    before += sizes[unit]!
  }
  boundaries.push({ place: order.length, before: total })

  const parts = new Array<number>(times.length)
  let start = 0
  let wanted = 0
  for (const part of shares.keys()) {
    wanted += shares[part]! * total
    const end =
      part === shares.length - 1
        ? order.length
        : boundaries.reduce((a, b) => (Math.abs(b.before - wanted) < Math.abs(a.before - wanted) ? b : a)).place
    for (let place = start; place < end; place++) parts[order[place]!] = part
    start = Math.max(start, end)
  }
  return parts
}
