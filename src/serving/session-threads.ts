/** How many threads of its engine a model's runs use. */
import type { EncoderConfig } from '../family/encoder-config.js'
import { linearFlops } from '../family/encoder-flops.js'
import { narrowThreads, type RunWidth } from './run-width.js'

const TYPICAL_TOKENS = 128
/**
 * Matrix products of a run, multiplications and additions, below which a second thread takes more than it gives: about a millisecond of
 * one CPU. A one-layer model of [CLS] (75 million) answered 735 texts a second with one thread and 605 to 640 with two, beside
 * the API on two CPUs, and as quickly alone.
 */
const WORTH_SHARING = 200e6

/** @param threads of the engine */
export function sessionThreads(config: EncoderConfig, threads: number, width: RunWidth = 'wide'): number {
  if (isQuick(config)) return 1
  return width === 'wide' ? threads : narrowThreads(threads)
}

/** @returns whether a run of that model is less than about a millisecond's work of one CPU */
export function isQuick(config: EncoderConfig): boolean {
  return matrixProducts(config, TYPICAL_TOKENS) < WORTH_SHARING
}

/** Of the linear layers; a model that reads [CLS] alone needs only keys and values of the last layer's other tokens. */
function matrixProducts(config: EncoderConfig, tokens: number): number {
  const { layers, hiddenSize, pooling } = config
  const layer = linearFlops(config, tokens)
  const keysAndValues = 4 * tokens * hiddenSize * hiddenSize
  return pooling === 'cls' ? (layers - 1) * layer + keysAndValues : layers * layer
}
