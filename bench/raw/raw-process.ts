/** A bare process: one session of the model that the server runs, texts tokenised and padded beforehand, `session.run` in a loop. */
import type { InferenceSession } from 'onnxruntime-node'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { encoderFeeds } from '../../src/onnx/encoder-feeds.js'
import { createSession } from '../../src/onnx/encoder-session.js'
import { readWeights } from '../../src/onnx/read-weights.js'
import { deriveVariant } from '../../src/onnx/variants/derive-variant.js'
import { keepsMemory } from '../../src/serving/session-memory.js'
import { lengthSortedBatches, systematicSample } from './length-sorted-batches.js'
import type {
  RawCommand,
  RawLoadCommand,
  RawLoaded,
  RawMeasured,
  RawReport,
  RawRunCommand,
  RawText,
  RawTimeCommand,
  RawTimed,
} from './raw-protocol.js'

/** Long enough to know how many texts fill a measurement. */
const ESTIMATE_MS = 500

interface Loaded {
  readonly session: InferenceSession
  readonly config: EncoderConfig
  readonly texts: readonly RawText[]
}

let loaded: Loaded | undefined

async function load(command: RawLoadCommand): Promise<RawLoaded> {
  const { modelFile, variant, precision, config, provider, threads, device, texts } = command
  const model =
    variant === 'portable'
      ? modelFile
      : deriveVariant({
          ...{ provider, variant, config, precision },
          clsId: texts[0]!.sequences[0]![0]!,
          weights: await readWeights(modelFile, config),
        })
  const session = await createSession(model, { provider, threads, device, keepMemory: keepsMemory(config) })
  loaded = { session, config, texts }
  const lengthsMixed = systematicSample(texts, 16, ({ tokens }) => tokens)
  const inputs = lengthsMixed
    .flatMap(({ sequences }) => sequences)
    .map((sequence) => feeds(session, [sequence], config))
  for (const one of inputs.slice(-2)) await session.run(one)
  const startMs = performance.now()
  let runs = 0
  while (performance.now() - startMs < ESTIMATE_MS) await session.run(inputs[(7 * runs++) % inputs.length]!)
  const textsRun = (runs * lengthsMixed.length) / inputs.length
  return { type: 'loaded', textsPerSecond: (1_000 * textsRun) / (performance.now() - startMs) }
}

async function measure({ session, config, texts }: Loaded, command: RawRunCommand): Promise<RawMeasured> {
  const { sample, maxBatchTokens, maxRows, durationMs } = command
  const chosen = systematicSample(texts, sample, ({ tokens }) => tokens)
  const sequences = chosen.flatMap((text) => text.sequences)
  const lengths = sequences.map(({ length }) => length)
  const batches =
    maxBatchTokens === undefined ? lengths.map((_, i) => [i]) : lengthSortedBatches(lengths, maxBatchTokens, maxRows)
  const inputs = batches.map((batch) =>
    feeds(
      session,
      batch.map((index) => sequences[index]!),
      config,
    ),
  )
  // a pass before the clock starts: the first run of a shape allocates its memory
  for (const input of inputs) await session.run(input)
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  let passes = 0
  do {
    for (const input of inputs) await session.run(input)
    passes++
  } while (performance.now() - startMs < durationMs)
  const seconds = (performance.now() - startMs) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    type: 'measured',
    texts: passes * chosen.length,
    tokens: passes * chosen.reduce((sum, { tokens }) => sum + tokens, 0),
    seconds,
    cpuSeconds: (user + system) / 1e6,
  }
}

/** Runs before the clock starts. */
const UNTIMED_RUNS = 10

/** Inputs are made anew for every run and the output is read, as whoever asks one question has to. */
async function time({ session, config, texts }: Loaded, { durationMs }: RawTimeCommand): Promise<RawTimed> {
  const sequence = texts[0]!.sequences[0]!
  const durationsMs: number[] = []
  for (let i = 0; i < UNTIMED_RUNS; i++) await session.run(feeds(session, [sequence], config))
  const startMs = performance.now()
  do {
    const runMs = performance.now()
    const { logits } = await session.run(feeds(session, [sequence], config))
    await logits!.getData()
    durationsMs.push(performance.now() - runMs)
  } while (performance.now() - startMs < durationMs)
  return { type: 'timed', durationsMs }
}

function feeds({ inputNames }: InferenceSession, sequences: readonly Int32Array[], config: EncoderConfig) {
  return encoderFeeds(
    inputNames,
    sequences.map((sequence) => ({ inputIds: sequence })),
    config,
  )
}

process.on('message', async (command: RawCommand) => {
  let report: RawReport
  try {
    if (command.type === 'load') report = await load(command)
    else if (command.type === 'time') report = await time(loaded!, command)
    else report = await measure(loaded!, command)
  } catch (error) {
    report = { type: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
  process.send?.(report)
})
process.on('disconnect', () => process.exit(0))
