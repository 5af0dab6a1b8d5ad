/** How one load is divided among generator threads, and what they saw put together again. Pure. */

/** Round robin: the parts together are exactly the whole, and each is as even as the whole. */
export function dealOut<T>(items: readonly T[], parts: number): T[][] {
  return Array.from({ length: parts }, (_, part) => items.filter((_, index) => index % parts === part))
}

/** What dealOut took apart, in its order. */
export function interleave<T>(parts: readonly (readonly T[])[]): T[] {
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  return Array.from({ length: total }, (_, index) => parts[index % parts.length]![Math.floor(index / parts.length)]!)
}

/** @returns connections of each part, the larger ones first; 0 where there are fewer connections than parts */
export function shareConnections(connections: number, parts: number): number[] {
  return Array.from({ length: parts }, (_, part) => Math.ceil((connections - part) / parts))
}
