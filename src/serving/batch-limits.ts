/** How much may run together, and how much may wait, by what computes it. Pure policy. */
import type { EncoderConfig } from '../family/encoder-config.js'
import type { Provider } from '../onnx/providers.js'
import { isQuick } from './session-threads.js'

/**
 * A batch cannot be interrupted, so whoever comes after waits for all of it, and on a CPU a batch of several long texts is
 * no quicker than they are one by one. A GPU needs large batches to be busy.
 */
const MAX_BATCH_TOKENS = { cpu: 512, cuda: 16_384, webgpu: 16_384 } as const
/**
 * On a CPU, of a model whose runs take less than a millisecond: to hand a batch over and to hear of it takes about as long. One of 2,048 tokens
 * is done in 2 or 3 ms. Of callers with 1, 16 and 64 texts a request it answered 1.35, 1.4 and 1.13 times as many texts as with 512; 4,096 are no better.
 */
const MAX_QUICK_BATCH_TOKENS = 2_048
/** Requests of a tier that may wait: a few seconds of a small teacher's work. A GPU does as many within milliseconds, so bursts are longer. */
const MAX_QUEUE = { cpu: 256, cuda: 4_096, webgpu: 1_024 } as const

/**
 * @param config of the tier's model
 * @param shareTokens of what waits for one of the engines: a large batch leaves the others theirs; default: however much
 * @returns padded tokens that a batch may have
 */
export function batchTokenLimit(
  provider: Provider,
  config: EncoderConfig,
  asked: number | undefined,
  shareTokens = Number.POSITIVE_INFINITY,
): number {
  if (asked !== undefined) return asked
  const limit = MAX_BATCH_TOKENS[provider]
  return provider === 'cpu' && isQuick(config) ? Math.min(MAX_QUICK_BATCH_TOKENS, Math.max(limit, shareTokens)) : limit
}

/** @returns requests that may wait for one tier of one family */
export function queueLimit(provider: Provider, asked: number | undefined): number {
  return asked ?? MAX_QUEUE[provider]
}
