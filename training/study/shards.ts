import { InvalidConfiguration } from '../../src/errors.js'

/** One of `count` shares of a study's groups (seed, fold), counted from 0. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/** @param text `i/n` with 0 ≤ i < n, as the completion index of a Kubernetes job counts */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  if (index === undefined || Number(index) >= Number(count)) {
    throw new InvalidConfiguration('--shard', `"${text}" is not i/n with i from 0 to n − 1, such as 0/4`)
  }
  return { index: Number(index), count: Number(count) }
}

/**
 * Whole groups go to shards in turn, so that a shard needs no other's stages; those of no group (pre-training on a corpus) are
 * every shard's own, since each needs them, but for those that nothing needs (latency), which are the first shard's.
 * @param group of a stage
 * @param needed whether another stage depends on it
 */
export function isMine({ index, count }: Shard, group: number | undefined, needed: boolean): boolean {
  if (group === undefined) return needed || index === 0
  return group % count === index
}

/** @throws InvalidConfiguration when a shard would have nothing to do */
export function checkShard({ count }: Shard, groups: number): void {
  if (count <= groups) return
  throw new InvalidConfiguration(
    '--shard',
    `${count} shards for ${groups} groups (seeds x folds); use at most ${groups}`,
  )
}
