/**
 * When does an engine become free for new work, if the work ahead is shared out evenly? Like water poured into a vessel
 * whose floor steps up where engines are still busy: the work ahead fills the lowest engines first, and its level is the
 * wait.
 * @param busyMs for each engine, how long what it runs now will take yet; 0 when idle
 * @param workAheadMs engine time of everything that will run before
 * @returns ms until the new work starts; 0 when an engine is idle and nothing is ahead
 */
export function queueWaitMs(busyMs: readonly number[], workAheadMs: number): number {
  const floors = [...busyMs].sort((a, b) => a - b)
  let left = workAheadMs
  let level = floors[0] ?? 0
  for (let engines = 1; engines <= floors.length; engines++) {
    const next = floors[engines] ?? Number.POSITIVE_INFINITY
    const room = (next - level) * engines
    if (left <= room) return level + left / engines
    left -= room
    level = next
  }
  return level
}
