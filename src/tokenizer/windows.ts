/**
 * How a text longer than the model is read: in overlapping windows, or cut after the first tokens. Pure policy over token
 * counts; positions are indices into the text's tokens without special tokens.
 */

/** [CLS] in front and [SEP] behind */
export const SPECIAL_TOKENS = 2

export interface Window {
  /** first token, inclusive */
  readonly start: number
  /** last token, exclusive */
  readonly end: number
  /** tokens that no earlier window holds: its weight when windows' logits are averaged; the weights sum to the tokens */
  readonly weight: number
}

/**
 * Covers every token with windows of `maxTokens` less the special tokens. All windows of a long text are full: the last
 * one ends with the text and shares more than `overlap` tokens with its predecessor where it must.
 * @param maxTokens the longest model input, special tokens included
 * @param overlap tokens that neighbours share; at most half a window is used, so that the number of windows stays
 *   proportional to the text
 * @returns at least one window; an empty text gets one empty window of weight 1
 */
export function planWindows(tokens: number, maxTokens: number, overlap: number): Window[] {
  const capacity = windowCapacity(maxTokens)
  if (tokens <= capacity) return [{ start: 0, end: tokens, weight: Math.max(1, tokens) }]
  const stride = capacity - Math.min(overlap, Math.floor(capacity / 2))
  const windows: Window[] = []
  let covered = 0
  for (let start = 0; covered < tokens; start += stride) {
    const end = Math.min(start + capacity, tokens)
    windows.push({ start: end - capacity, end, weight: end - covered })
    covered = end
  }
  return windows
}

/** The first tokens only, as many as the model takes. */
export function truncate(tokens: number, maxTokens: number): Window {
  const end = Math.min(tokens, windowCapacity(maxTokens))
  return { start: 0, end, weight: Math.max(1, end) }
}

/** @returns [CLS] ids [SEP] */
export function withSpecialTokens(
  ids: Int32Array,
  special: { readonly clsId: number; readonly sepId: number },
): Int32Array {
  const sequence = new Int32Array(ids.length + SPECIAL_TOKENS)
  sequence[0] = special.clsId
  sequence.set(ids, 1)
  sequence[ids.length + 1] = special.sepId
  return sequence
}

/** @returns tokens of the text that one input holds */
function windowCapacity(maxTokens: number): number {
  return Math.max(1, maxTokens - SPECIAL_TOKENS)
}

/**
 * Mean of the windows' logits, each weighted by the tokens that only it adds.
 * @param rows one a window
 */
export function averageLogits(rows: readonly Float32Array[], windows: readonly Window[]): Float64Array {
  const mean = new Float64Array(rows[0]?.length ?? 0)
  const total = windows.reduce((sum, { weight }) => sum + weight, 0)
  rows.forEach((row, window) => {
    const share = windows[window]!.weight / total
    for (let label = 0; label < mean.length; label++) mean[label]! += share * row[label]!
  })
  return mean
}
