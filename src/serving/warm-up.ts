/**
 * Runs a freshly loaded model over the batch shapes that requests will bring, so that the first request of a shape is not
 * the slow one, and times them for the latency model.
 */
import type { LatencySample } from './latency-surface.js'

export interface WarmUpOptions {
  /** the model's longest input */
  readonly maxTokens: number
  readonly maxBatchTokens: number
  /** no further repeat or larger batch is begun once runs have taken this; every length still runs alone once */
  readonly budgetMs: number
  now(): number
  /** waits so long after each run, which leaves others the CPU for two thirds of the time; default: no rest */
  rest?(ms: number): Promise<unknown>
}

const ROWS = [4, 16, 64] as const
const REPEATS = 3
/** A first run this many times the budget is taken as the timed one. */
const HOPELESS = 10
/** Of the run before. */
const REST = 2
/** After seconds on an emulated GPU readiness need not wait for longer still. */
const LONGEST_REST_MS = 1_000

/** @returns sequence lengths: powers of two from 16 and the model's longest, ascending */
export function tokenBuckets(maxTokens: number): number[] {
  const buckets: number[] = []
  for (let tokens = 16; tokens < maxTokens; tokens *= 2) buckets.push(tokens)
  buckets.push(maxTokens)
  return buckets
}

/**
 * @param run runs a batch of `rows` sequences of `tokens` tokens
 * @returns the quickest of up to three runs of each shape, after one that is not timed
 */
export async function warmUp(
  run: (tokens: number, rows: number) => Promise<unknown>,
  { maxTokens, maxBatchTokens, budgetMs, now, rest }: WarmUpOptions,
): Promise<LatencySample[]> {
  const samples: LatencySample[] = []
  let spentMs = 0
  const time = async (tokens: number, rows: number) => {
    const beginMs = now()
    await run(tokens, rows)
    const ms = now() - beginMs
    spentMs += ms
    await rest?.(Math.min(REST * ms, LONGEST_REST_MS))
    return ms
  }
  const sample = async (tokens: number, rows: number) => {
    const first = await time(tokens, rows)
    // minutes on an emulated GPU: what the first run costs more is little beside that, and a second keeps readiness waiting
    let ms = first > HOPELESS * budgetMs ? first : Number.POSITIVE_INFINITY
    for (let repeat = 0; repeat < REPEATS && (ms === Number.POSITIVE_INFINITY || spentMs < budgetMs); repeat++) {
      ms = Math.min(ms, await time(tokens, rows))
    }
    samples.push({ tokens, rows, ms })
  }
  const buckets = tokenBuckets(maxTokens)
  for (const tokens of buckets) await sample(tokens, 1)
  for (const rows of ROWS) {
    for (const tokens of buckets) {
      if (rows * tokens > maxBatchTokens) break
      const single = samples.find((known) => known.tokens === tokens && known.rows === 1)!
      if (spentMs + 2 * rows * single.ms > budgetMs) break
      await sample(tokens, rows)
    }
  }
  return samples
}
