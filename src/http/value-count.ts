/** @returns whether a JSON value holds more than `limit` values, itself and those in its arrays and objects */
export function hasMoreValuesThan(limit: number, value: unknown): boolean {
  const open = [value]
  let count = 0
  // never recursive: a body may nest deeper than the stack
  while (open.length > 0) {
    const next = open.pop()
    count++
    if (typeof next !== 'object' || next === null) continue
    const children = Array.isArray(next) ? next : Object.values(next)
    if (count + open.length + children.length > limit) return true
    open.push(...children)
  }
  return false
}
