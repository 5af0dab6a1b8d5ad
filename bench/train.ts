/**
 * The `train` bench: sequences a second of a full training step (forward, backward, clipping, AdamW, dropout) with the
 * engine that `lextier train` uses, on random token ids of full length. On a GPU, run PyTorch's anchor
 * (bench/peers/pytorch-train.py) on the same machine right before or after.
 */
import { ARCHITECTURES, encoderConfig } from '../src/family/architectures.js'
import type { HostTensors } from '../src/family/tensor.js'
import { createEngine } from '../training/engine/create-engine.js'
import type { Device, Engine, Precision } from '../training/engine/types.js'
import { hardTargets } from '../training/losses/hard-targets.js'
import { NOISE_LENGTH } from '../training/nn/dropout.js'
import { initialParameters } from '../training/nn/initialise.js'
import { decayedParameters } from '../training/optim/parameter-groups.js'
import { initialTrainState, makeTrainStep } from '../training/optim/train-step.js'
import { createRandom } from '../training/random.js'
import { memoryMeter } from './training/memory-meter.js'

export interface TrainBenchOptions {
  readonly device: Device
  /** architecture names */
  readonly architectures: readonly string[]
  readonly batchSizes: readonly number[]
  readonly tokens: number
  /** steps timed, in one call */
  readonly steps: number
  readonly threads?: number
  /** float32 unless told otherwise */
  readonly precision?: Precision
  readonly onRow: (row: TrainBenchRow) => void
}

export interface TrainBenchRow {
  readonly architecture: string
  readonly device: string
  readonly precision: Precision
  readonly batchSize: number
  readonly tokens: number
  /** milliseconds of one step within a call, state transfer left out: (2k steps − k steps) / k */
  readonly stepMs: number
  readonly sequencesPerSecond: number
  /** sequences a second of the whole call, state in and out included */
  readonly callSequencesPerSecond: number
  /** matrix multiplications of forward and backward, TFLOP/s; elementwise work not counted */
  readonly matmulTflops: number
  /**
   * what the device has given out after the steps: on CUDA the GPU's used memory less what was used before the bench, on the
   * CPU the process' largest resident set so far
   */
  readonly memoryMiB: number | undefined
  /** milliseconds to trace, encode and compile the program, first step included */
  readonly startMs: number
}

export async function runTrainBench(options: TrainBenchOptions): Promise<TrainBenchRow[]> {
  const { threads, precision } = options
  const engine = await createEngine(options.device, {
    ...(threads !== undefined && { threads }),
    ...(precision !== undefined && { precision }),
  })
  const memory = memoryMeter(engine.device)
  const rows: TrainBenchRow[] = []
  for (const name of options.architectures) {
    for (const batchSize of options.batchSizes) {
      const row = await measure(engine, memory, name, batchSize, options)
      // what is kept compiled for another trainer would count as memory of the next row
      await engine.dispose()
      options.onRow(row)
      rows.push(row)
    }
  }
  return rows
}

async function measure(
  engine: Engine,
  memory: () => number | undefined,
  name: string,
  batchSize: number,
  { tokens, steps }: TrainBenchOptions,
): Promise<TrainBenchRow> {
  const architecture = ARCHITECTURES.find((candidate) => candidate.name === name)
  if (!architecture) throw new RangeError(`no architecture "${name}"`)
  const config = encoderConfig(architecture)
  const step = makeTrainStep({
    config,
    loss: hardTargets(),
    dropout: { rate: 0.1 },
    optimiser: { decays: decayedParameters(config) },
  })
  const random = createRandom(1)
  const batch = (): HostTensors => ({
    inputIds: {
      shape: [batchSize, tokens],
      values: Int32Array.from({ length: batchSize * tokens }, () => 1 + random.integer(config.vocabSize - 1)),
    },
    attentionMask: { shape: [batchSize, tokens], values: new Int32Array(batchSize * tokens).fill(1) },
    labels: { shape: [batchSize], values: Int32Array.from({ length: batchSize }, () => random.integer(2)) },
    learningRate: { shape: [], values: Float32Array.of(2e-5) },
    noise: { shape: [NOISE_LENGTH], values: random.uniformVector(NOISE_LENGTH) },
  })
  const batches = Array.from({ length: 2 * steps }, batch)
  const trainer = await engine.trainer(
    step,
    initialTrainState(initialParameters(config, random), { lossScaling: engine.precision === 'float16' }),
  )
  try {
    const startMs = await timed(() => trainer.run(batches.slice(0, 1)))
    await trainer.run(batches.slice(0, steps))
    const onceMs = await quickest(() => trainer.run(batches.slice(0, steps)))
    const twiceMs = await quickest(() => trainer.run(batches))
    const stepMs = (twiceMs - onceMs) / steps
    return {
      architecture: name,
      device: engine.device,
      precision: engine.precision,
      batchSize,
      tokens,
      stepMs,
      sequencesPerSecond: (1000 * batchSize) / stepMs,
      callSequencesPerSecond: (1000 * batchSize * 2 * steps) / twiceMs,
      matmulTflops: matmulFlops(architecture, batchSize, tokens) / stepMs / 1e9,
      startMs,
      memoryMiB: memory(),
    }
  } finally {
    await trainer.dispose()
  }
}

/** Forward and backward: three times the forward pass's 2mnk a product. */
function matmulFlops(
  { layers, hiddenSize, intermediateSize }: (typeof ARCHITECTURES)[number],
  batchSize: number,
  tokens: number,
): number {
  const weights = 4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize
  return 3 * layers * (2 * weights * batchSize * tokens + 4 * batchSize * tokens ** 2 * hiddenSize)
}

/** Of three: what else the machine does only ever adds time. */
async function quickest(work: () => Promise<unknown>): Promise<number> {
  let ms = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < 3; repeat++) ms = Math.min(ms, await timed(work))
  return ms
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
