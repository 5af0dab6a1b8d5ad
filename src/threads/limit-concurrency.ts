/** Runs work of no more than so many callers at once; the others wait, first come first served. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>

export function limitConcurrency(most: number): Limit {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    // one that ends hands its place over, so that nobody slips in between
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
