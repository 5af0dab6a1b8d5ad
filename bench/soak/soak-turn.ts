/** What the soak's callers do, in turn: every tier, every length, budgets, several texts, streams, and callers that leave. Pure. */
import { TIER_NAMES } from '../../src/family/family-schema.js'
import type { RequestedTier } from '../../src/serving/types.js'
import type { Random } from '../../training/random.js'

export interface SoakRequest {
  readonly family: string
  readonly tier: RequestedTier
  readonly texts: readonly string[]
  readonly budgetMs?: number
}

export type SoakTurn =
  | { readonly kind: 'request'; readonly request: SoakRequest }
  /** one connection, one line each */
  | { readonly kind: 'stream'; readonly requests: readonly SoakRequest[] }
  /** the caller closes its connection so long after it has sent */
  | { readonly kind: 'disconnect'; readonly request: SoakRequest; readonly afterMs: number }

/** Words of the texts: every batch shape comes by, windows too. */
const WORDS = [12, 40, 90, 180, 320, 60, 25, 700]
/** that differ */
export const SOAK_TEXTS = WORDS.length
const SENTENCE = 'the court heard the case and the judgment of the court below was affirmed'.split(' ')
const BUDGETS_MS = [50, 250, 1_000]
/** Of 20 turns. */
const STREAMS = 1
const DISCONNECTS = 1
const SEVERAL = 2
const STREAM_LINES = 12
const LATEST_DISCONNECT_MS = 60

export function soakTurn(families: readonly string[], random: Random): SoakTurn {
  const kind = random.integer(20)
  if (kind < STREAMS) {
    return { kind: 'stream', requests: Array.from({ length: STREAM_LINES }, () => lone(families, random)) }
  }
  const request = lone(families, random)
  if (kind < STREAMS + DISCONNECTS)
    return { kind: 'disconnect', request, afterMs: random.integer(LATEST_DISCONNECT_MS) }
  if (kind < STREAMS + DISCONNECTS + SEVERAL) {
    return {
      kind: 'request',
      request: { ...request, texts: [...request.texts, soakText(random.integer(4)), soakText(5)] },
    }
  }
  return { kind: 'request', request }
}

/** Half of them name a tier, half leave it to a budget. */
function lone(families: readonly string[], random: Random): SoakRequest {
  const family = families[random.integer(families.length)]!
  const texts = [soakText(random.integer(WORDS.length))]
  if (random.integer(2) === 0) return { family, tier: TIER_NAMES[random.integer(TIER_NAMES.length)]!, texts }
  return { family, tier: 'auto', texts, budgetMs: BUDGETS_MS[random.integer(BUDGETS_MS.length)]! }
}

/** @returns one of a few texts, so that their answers can be compared */
export function soakText(turn: number): string {
  return Array.from({ length: WORDS[turn % WORDS.length]! }, (_, i) => SENTENCE[i % SENTENCE.length]).join(' ')
}
