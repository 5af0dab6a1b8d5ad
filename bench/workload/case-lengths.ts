import type { Random } from '../../training/random.js'

/**
 * Tokens (BERT's uncased WordPiece, without special tokens) of the facts of the 2,999 US Supreme Court cases of the JUSTICE
 * data: share of cases, and the length that so many do not exceed. Nothing below the first is known; it is repeated.
 */
export const CASE_LENGTH_QUANTILES: readonly (readonly [share: number, tokens: number])[] = [
  [0, 45],
  [0.01, 45],
  [0.1, 92],
  [0.25, 141],
  [0.5, 199],
  [0.75, 259],
  [0.9, 329],
  [0.95, 375],
  [0.99, 481],
  [1, 1205],
]

/** @returns the length that a share of cases does not exceed, linear between the known ones */
export function caseLengthAt(share: number): number {
  const above = CASE_LENGTH_QUANTILES.findIndex(([known]) => known >= share)
  const [shareAbove, tokensAbove] = CASE_LENGTH_QUANTILES[Math.max(1, above)]!
  const [shareBelow, tokensBelow] = CASE_LENGTH_QUANTILES[Math.max(1, above) - 1]!
  return Math.round(tokensBelow + ((tokensAbove - tokensBelow) * (share - shareBelow)) / (shareAbove - shareBelow))
}

/** Stratified: one draw from each `1/count` of the distribution, so that few texts have its shape too. @returns shuffled */
export function sampleCaseLengths(count: number, random: Random): number[] {
  return random.shuffle(Array.from({ length: count }, (_, i) => caseLengthAt((i + random.next()) / count)))
}
