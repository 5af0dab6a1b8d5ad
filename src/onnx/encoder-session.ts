/** One encoder model open on one execution provider. */
import { basename, dirname } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { FamilyInvalid, ProviderUnavailable, ShapeMismatch } from '../errors.js'
import type { EncoderConfig } from '../family/encoder-config.js'
import { executionProviders, firstLine, type Provider, wayOut } from './providers.js'

/** The token ids of one text or window, special tokens included, without padding. */
export interface TokenSequence {
  readonly inputIds: Int32Array | readonly number[]
}

export interface SessionOptions {
  readonly provider: Provider
  /** threads of the CPU provider; default: ONNX Runtime's, one a physical core */
  readonly threads?: number
}

export interface EncoderSession {
  /** what really runs: always the provider asked for */
  readonly provider: Provider
  /**
   * Runs one batch, padded to its longest sequence. Blocks this thread while it computes.
   * @returns the logits, [labels] a sequence, in order
   * @throws ShapeMismatch when a sequence is empty or longer than the position table
   */
  run(sequences: readonly TokenSequence[]): Promise<Float32Array[]>
  release(): Promise<void>
}

/**
 * @param model a file, or its contents
 * @throws ProviderUnavailable when the session cannot be created on the GPU provider asked for; it never runs on another one
 *   (single operators that a GPU provider lacks do run on the CPU, as ONNX Runtime places them). FamilyInvalid when the CPU
 *   cannot load the model.
 */
export async function openEncoder(
  model: string | Uint8Array,
  config: EncoderConfig,
  options: SessionOptions,
): Promise<EncoderSession> {
  const { provider, threads } = options
  const session = await createSession(model, provider, threads)
  return {
    provider,
    async run(sequences) {
      if (sequences.length === 0) return []
      const { inputIds, attentionMask, tokens } = padSequences(sequences, config)
      const shape = [sequences.length, tokens]
      const outputs = await session.run({
        input_ids: new Tensor('int64', inputIds, shape),
        attention_mask: new Tensor('int64', attentionMask, shape),
      })
      const logits = outputs.logits?.data as Float32Array
      return sequences.map((_, row) => logits.slice(row * config.labels, (row + 1) * config.labels))
    },
    release: () => session.release(),
  }
}

/**
 * @returns row-major [batch, tokens], tokens being the longest sequence
 * @throws ShapeMismatch when a sequence is empty or longer than the position table
 */
export function padSequences(
  sequences: readonly TokenSequence[],
  config: Pick<EncoderConfig, 'maxPositions' | 'padTokenId'>,
): { inputIds: BigInt64Array; attentionMask: BigInt64Array; tokens: number } {
  const lengths = sequences.map(({ inputIds }) => inputIds.length)
  const tokens = Math.max(...lengths)
  if (lengths.includes(0)) throw new ShapeMismatch('a sequence has no tokens')
  if (tokens > config.maxPositions) {
    throw new ShapeMismatch(`a sequence has ${tokens} tokens, the encoder takes at most ${config.maxPositions}`)
  }
  const inputIds = new BigInt64Array(sequences.length * tokens).fill(BigInt(config.padTokenId))
  const attentionMask = new BigInt64Array(sequences.length * tokens)
  sequences.forEach((sequence, row) => {
    for (let i = 0; i < sequence.inputIds.length; i++) {
      inputIds[row * tokens + i] = BigInt(sequence.inputIds[i]!)
      attentionMask[row * tokens + i] = 1n
    }
  })
  return { inputIds, attentionMask, tokens }
}

/** @throws as openEncoder does */
export async function createSession(
  model: string | Uint8Array,
  provider: Provider,
  threads?: number,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: executionProviders(provider),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // errors come back as exceptions; ONNX Runtime's own log of them, and of its node placement, is for its developers
    logSeverityLevel: 4,
  }
  try {
    return await (typeof model === 'string'
      ? InferenceSession.create(model, options)
      : InferenceSession.create(model, options))
  } catch (error) {
    // the CPU is always there: what fails on it is the model
    if (provider === 'cpu') {
      const file = typeof model === 'string' ? model : '(memory)/model'
      throw new FamilyInvalid(dirname(file), `${basename(file)}: ${firstLine(error)}`)
    }
    throw new ProviderUnavailable(provider, wayOut(provider, error))
  }
}
