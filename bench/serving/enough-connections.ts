/** How many connections a closed loop needs to find what a server can do. Pure. */
import { BATCH_SHAPE } from '../../src/serving/batch-planner.js'

export interface SaturatedServer {
  readonly engines: number
  /** padded tokens that the server lets a batch have */
  readonly maxBatchTokens: number
  /** of a text, mean */
  readonly meanTokens: number
  readonly textsPerRequest: number
}

/** One request is answered while another is on its way. */
const FEWEST_CONNECTIONS = 2
const FEWEST_TEXTS = 32
/** Of texts one a request, and of requests: what one tier's queue on a CPU takes. */
const MOST = 256
/** A request of many texts is parsed, tokenised and answered as a whole, and its connection gives an engine nothing meanwhile. */
const SLOW_ROUND = 4

/**
 * Enough for four full batches an engine: one runs, one is on its way there or back, and the rest let the planner find
 * similar lengths. Never so few that the callers' turn-round shows, nor so many that one tier's queue overflows.
 * @returns the counts to try: for several texts a request as many texts under way as with one, and four times as many
 */
export function enoughConnections(server: SaturatedServer): readonly number[] {
  const { engines, maxBatchTokens, meanTokens, textsPerRequest } = server
  const rowsOfFullBatch = Math.min(BATCH_SHAPE.maxRows, maxBatchTokens / meanTokens)
  const texts = Math.min(MOST, Math.max(FEWEST_TEXTS, Math.ceil(4 * engines * rowsOfFullBatch)))
  const connections = Math.max(FEWEST_CONNECTIONS, Math.ceil(texts / textsPerRequest))
  return textsPerRequest > 1 ? [connections, Math.min(MOST, SLOW_ROUND * connections)] : [connections]
}
