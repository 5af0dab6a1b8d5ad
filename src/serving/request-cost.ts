/** What a request's sequences cost an engine, before anyone knows which batches they will run in. Pure. */
import { batchTokens, tokensPerRow } from './batch-planner.js'
import type { RunTimes } from './latency-model.js'

export interface BatchBounds {
  readonly maxTokens: number
  readonly maxRows: number
  /** the model runs without padding */
  readonly packed?: boolean
}

/**
 * Median time from the first batch's start to the last one's end, when the sequences run in batches as full as allowed
 * on this many engines.
 * @param lengths tokens of each sequence
 */
export function requestInferenceMs(
  lengths: readonly number[],
  model: Pick<RunTimes, 'typical'>,
  bounds: BatchBounds,
  engines: number,
): number {
  // nearly every request: one text that fits one window
  if (lengths.length === 1) return Math.max(0, model.typical(lengths[0]!, 1))
  const packed = bounds.packed === true
  const batches: { rows: number; longest: number; real: number; oneByOneMs: number }[] = []
  for (const tokens of [...lengths].sort((a, b) => b - a)) {
    const open = batches.at(-1)
    const fits =
      open !== undefined &&
      open.rows < bounds.maxRows &&
      batchTokens(open.rows + 1, open.longest, open.real + tokens, packed) <= bounds.maxTokens
    const aloneMs = model.typical(tokens, 1)
    if (fits) {
      open.rows++
      open.real += tokens
      open.oneByOneMs += aloneMs
    } else batches.push({ rows: 1, longest: tokens, real: tokens, oneByOneMs: aloneMs })
  }
  // what is no quicker together runs one by one
  const times = batches.map(({ rows, longest, real, oneByOneMs }) =>
    Math.min(oneByOneMs, model.typical(tokensPerRow(rows, longest, real, packed), rows)),
  )
  const sum = times.reduce((total, ms) => total + ms, 0)
  return Math.max(0, ...times, sum / Math.max(1, engines))
}

/** Median engine time of one sequence as its share of a batch of `rows` alike, ms. */
export function sequenceCostMs(
  tokens: number,
  rows: number,
  model: Pick<RunTimes, 'typical'>,
  bounds: BatchBounds,
): number {
  return sequenceShareMs(tokens, rows, bounds, (longest, alike) => model.typical(longest, alike))
}

/** One sequence's share of a batch of up to `rows` alike, as many as fit, or alone where that is quicker, ms. @param timeMs of such a batch */
export function sequenceShareMs(
  tokens: number,
  rows: number,
  bounds: BatchBounds,
  timeMs: (tokens: number, rows: number) => number,
): number {
  const alike = Math.max(1, Math.min(rows, bounds.maxRows, Math.floor(bounds.maxTokens / tokens)))
  const aloneMs = timeMs(tokens, 1)
  return alike === 1 ? aloneMs : Math.min(aloneMs, timeMs(tokens, alike) / alike)
}
