/**
 * Shows that an engine computes what tfjs computes: trains a two-layer encoder for some steps on it and on tfjs' CPU
 * backend, from the same seed, and compares losses and parameters. For a machine whose provider no test has seen.
 */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { hardTargets } from '../losses/hard-targets.js'
import { NOISE_LENGTH } from '../nn/dropout.js'
import { initialParameters } from '../nn/initialise.js'
import { decayedParameters } from '../optim/parameter-groups.js'
import { initialTrainState, makeInference, makeTrainStep, trainedParameters } from '../optim/train-step.js'
import { createRandom, type Random } from '../random.js'
import { eagerEngine } from './eager-engine.js'
import type { Engine } from './types.js'

export interface SelfCheck {
  readonly device: string
  readonly steps: number
  /** first and last loss on the engine, nats */
  readonly losses: readonly [number, number]
  /** largest difference of a step's loss from eager tfjs, nats */
  readonly lossDifference: number
  /** largest difference of a parameter after the last step */
  readonly parameterDifference: number
  /** largest difference of a logit that the engine's evaluator gives for the trained parameters */
  readonly logitDifference: number
  /** whether the differences are within tolerance, and the loss fell */
  readonly passed: boolean
}

const CONFIG: EncoderConfig = {
  vocabSize: 60,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  intermediateSize: 64,
  maxPositions: 32,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  padTokenId: 0,
  activation: 'gelu',
  pooling: 'cls',
  pooler: 'tanh',
  labels: 2,
}

const STEPS = 24
/** TF32 products keep ten bits of mantissa; AdamW amplifies differences of tiny gradients up to the learning rate. */
const TOLERANCE = { loss: 2e-2, parameter: 1e-2, logit: 2e-2 }

/** @returns what was found; a failed check is an answer, not an error */
export async function selfCheck(engine: Engine): Promise<SelfCheck> {
  const random = createRandom(17)
  const parameters = initialParameters(CONFIG, random.fork('parameters'))
  // Two shapes in turn, so that programs change on the way.
  const batches = Array.from({ length: STEPS }, (_, step) => learnable(random, 8, step % 6 < 4 ? 16 : 24))
  const optimiser = { decays: decayedParameters(CONFIG) }
  // No dropout: a GPU draws masks of its own.
  const step = makeTrainStep({ config: CONFIG, loss: hardTargets(), optimiser })
  const infer = makeInference(CONFIG)

  const train = async (on: Engine) => {
    const trainer = await on.trainer(step, initialTrainState(parameters, { lossScaling: on.precision === 'float16' }))
    const outputs = await trainer.run(batches)
    const trained = trainedParameters(await trainer.state())
    await trainer.dispose()
    return { losses: outputs.map(({ loss }) => loss!.values[0]!), trained }
  }
  const logits = async (on: Engine, trained: HostTensors) => {
    const evaluator = await on.evaluator(infer, trained)
    const { logits } = await evaluator.run(batches[0]!)
    await evaluator.dispose()
    return logits!.values
  }

  const reference = await eagerEngine('cpu')
  const [here, there] = [await train(engine), await train(reference)]
  const lossDifference = difference(here.losses, there.losses)
  const parameterDifference = Math.max(
    ...Object.entries(there.trained).map(([name, { values }]) => difference(here.trained[name]!.values, values)),
  )
  const logitDifference = difference(await logits(engine, here.trained), await logits(reference, here.trained))
  const losses = [here.losses[0]!, here.losses.at(-1)!] as const
  const close =
    lossDifference <= TOLERANCE.loss && parameterDifference <= TOLERANCE.parameter && logitDifference <= TOLERANCE.logit
  const passed = close && losses[1] < losses[0]
  return { device: engine.device, steps: STEPS, losses, lossDifference, parameterDifference, logitDifference, passed }
}

/** A batch whose label the second token tells. */
function learnable(random: Random, rows: number, tokens: number): HostTensors {
  const labels = Int32Array.from({ length: rows }, () => random.integer(2))
  const inputIds = Int32Array.from({ length: rows * tokens }, (_, place) =>
    place % tokens === 1 ? 1 + labels[Math.floor(place / tokens)]! : 3 + random.integer(CONFIG.vocabSize - 3),
  )
  const attentionMask = Int32Array.from({ length: rows * tokens }, (_, place) => (place % tokens < tokens - 3 ? 1 : 0))
  return {
    inputIds: { shape: [rows, tokens], values: inputIds },
    attentionMask: { shape: [rows, tokens], values: attentionMask },
    labels: { shape: [rows], values: labels },
    learningRate: { shape: [], values: Float32Array.of(2e-3) },
    noise: { shape: [NOISE_LENGTH], values: random.uniformVector(NOISE_LENGTH) },
  }
}

/** The largest absolute difference; NaN when either holds one. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!)), 0)
}
