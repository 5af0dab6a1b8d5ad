import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { openEncoder } from '../../src/onnx/encoder-session.js'
import { MODEL_FILE } from '../../src/onnx/portable-model.js'
import { quantile } from '../evaluation/bootstrap.js'
import { writeTierFiles } from '../export/export-family.js'
import { initialParameters } from '../nn/initialise.js'
import { createRandom } from '../random.js'
import type { Latency } from './results.js'
import type { StageResult } from './stage-store.js'
import type { LatencyStage } from './stages.js'

export interface LatencyResult extends StageResult {
  readonly kind: 'latency'
  readonly latency: readonly Latency[]
}

const WARM_UP_CALLS = 3

/**
 * Times calls of the exported fp16 model on a provider. Speed does not depend on what the weights are, so that one measurement
 * serves all models of an architecture.
 * @throws ProviderUnavailable when the provider cannot run here
 */
export async function runLatency(stage: LatencyStage): Promise<{ seconds: number; latency: readonly Latency[] }> {
  const began = performance.now()
  const { encoder, provider, calls, repeats, threads } = stage
  const folder = await mkdtemp(join(tmpdir(), 'lextier-latency-'))
  try {
    await writeTierFiles(folder, encoder, initialParameters(encoder, createRandom(1)), 'fp16')
    const session = await openEncoder(join(folder, MODEL_FILE), encoder, {
      provider,
      ...(threads !== undefined && { threads }),
    })
    try {
      const latency: Latency[] = []
      for (const { batch, tokens } of calls) {
        const sequences = randomSequences(encoder, batch, tokens)
        const times: number[] = []
        for (let call = -WARM_UP_CALLS; call < repeats; call++) {
          const start = performance.now()
          await session.run(sequences)
          if (call >= 0) times.push(performance.now() - start)
        }
        times.sort((a, b) => a - b)
        latency.push({ provider, batch, tokens, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) })
      }
      return { seconds: (performance.now() - began) / 1000, latency }
    } finally {
      await session.release()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function randomSequences({ vocabSize }: EncoderConfig, batch: number, tokens: number) {
  const random = createRandom(tokens)
  return Array.from({ length: batch }, () => ({
    inputIds: Int32Array.from({ length: tokens }, () => random.integer(vocabSize)),
  }))
}
