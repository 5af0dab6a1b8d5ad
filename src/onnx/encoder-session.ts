/** One encoder model open on one execution provider. */
import { basename, dirname } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { FamilyInvalid, ProviderUnavailable } from '../errors.js'
import type { EncoderConfig } from '../family/encoder-config.js'
import { encoderFeeds } from './encoder-feeds.js'
import { executionProviders, firstLine, type Provider, wayOut } from './providers.js'

/** The token ids of one text or window, special tokens included, without padding. */
export interface TokenSequence {
  readonly inputIds: Int32Array | readonly number[]
}

export interface SessionOptions {
  readonly provider: Provider
  /** threads of the CPU provider; default: ONNX Runtime's, one a physical core */
  readonly threads?: number
  /** how long a CPU thread that waits for the others keeps its CPU, µs; default: ONNX Runtime's, long enough for the next run */
  readonly spinUs?: number
  /** whether the CPU provider keeps the memory of a run for the next (ONNX Runtime's arena and patterns); default: it does */
  readonly keepMemory?: boolean
  /** which of several GPUs, counted from 0, for CUDA; default 0 */
  readonly device?: number
}

export interface EncoderSession {
  /** what really runs: always the provider asked for */
  readonly provider: Provider
  /**
   * Runs one batch, padded or packed as the graph takes it. Blocks this thread while it computes.
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
  const { provider } = options
  const session = await createSession(model, options)
  return {
    provider,
    async run(sequences) {
      if (sequences.length === 0) return []
      const outputs = await session.run(encoderFeeds(session.inputNames, sequences, config))
      const logits = outputs.logits?.data as Float32Array
      return sequences.map((_, row) => logits.slice(row * config.labels, (row + 1) * config.labels))
    },
    release: () => session.release(),
  }
}

/** @throws as openEncoder does */
export async function createSession(
  model: string | Uint8Array,
  { provider, threads, spinUs, keepMemory = true, device }: SessionOptions,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: executionProviders(provider, device),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    // patterns are laid out for every new shape, and are nothing without the arena
    ...(provider === 'cpu' && { enableCpuMemArena: keepMemory, enableMemPattern: keepMemory }),
    ...(spinUs !== undefined && { extra: { session: { intra_op: { spin_duration_us: String(spinUs) } } } }),
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
