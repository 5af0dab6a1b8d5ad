/** What the fits of one engine share: programs, and nothing else. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { loopTrainer } from '../../../training/engine/loop-trainer.js'
import { onnxDevice } from '../../../training/engine/onnx-device.js'
import { onnxEvaluator } from '../../../training/engine/onnx-evaluator.js'
import type { Engine } from '../../../training/engine/types.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { decayedParameters, layerwiseFactors } from '../../../training/optim/parameter-groups.js'
import { initialTrainState, makeInference, makeTrainStep } from '../../../training/optim/train-step.js'
import { createRandom } from '../../../training/random.js'
import type { LossesConfig } from '../../../training/recipes/losses-config.js'
import { studentLoss } from '../../../training/recipes/student-loss.js'
import { assertSame } from './closeness.js'
import { floats, seeded, toyBatch, toyConfig, toyParameters, toyState, toyStep } from './toy-encoder.js'

const engines: Engine[] = []
after(async () => {
  for (const engine of engines) await engine.dispose()
})

async function cpu(): Promise<Engine> {
  const engine = await createEngine('cpu', { threads: 1 })
  engines.push(engine)
  return engine
}

const CONFIG: EncoderConfig = { ...toyConfig, layers: 1 }

const SETTINGS = {
  config: CONFIG,
  losses: {
    soft: { weight: 0.9, temperature: 2 },
    hard: { weight: 0.1, label_smoothing: 0 },
  } as LossesConfig,
  dropout: 0.1,
  accumulation: 1,
  weightDecay: 0.01,
  clipNorm: 1,
  layerDecay: 0.9,
}

/** Made anew for every fit, as recipes do. */
function stepOf({ config, losses, dropout, accumulation, weightDecay, clipNorm, layerDecay }: typeof SETTINGS) {
  const decays = decayedParameters(config)
  const learningRateFactor = layerwiseFactors(config, layerDecay)
  return makeTrainStep({
    config,
    loss: studentLoss(losses, config),
    dropout: { rate: dropout },
    accumulation,
    optimiser: { weightDecay, clipNorm, decays, learningRateFactor },
  })
}

function batchOf(seed: number, rows = 4, tokens = 8): HostTensors {
  return {
    ...toyBatch(seed, rows, tokens),
    teacherLogits: floats([rows, 2], seeded(seed + 100)),
    learningRate: { shape: [], values: Float32Array.of(1e-3 * seed) },
  }
}

async function fit(engine: Engine, settings: typeof SETTINGS, seed: number, batches: readonly HostTensors[]) {
  const parameters = initialParameters(CONFIG, createRandom(seed))
  const trainer = await engine.trainer(stepOf(settings), initialTrainState(parameters))
  const outputs = await trainer.run(batches)
  const trained = await trainer.state()
  await trainer.dispose()
  return { outputs, trained }
}

test('a fit of another seed compiles nothing and gives to the last bit what it gives alone', async () => {
  const shared = await cpu()
  await fit(shared, SETTINGS, 1, [batchOf(1), batchOf(2), batchOf(3, 4, 12)])
  assert.equal(shared.compilations(), 2)
  const batches = [batchOf(4, 4, 12), batchOf(5), batchOf(6)]
  const second = await fit(shared, SETTINGS, 2, batches)
  assert.equal(shared.compilations(), 2)
  const alone = await fit(await cpu(), SETTINGS, 2, batches)
  assertSame(second.trained, alone.trained)
  second.outputs.forEach((outputs, i) => {
    assertSame(outputs, alone.outputs[i]!)
  })
})

test('fits at the same time share a program and keep states of their own', async () => {
  const shared = await cpu()
  const batches = [batchOf(1), batchOf(2)]
  const [first, second] = await Promise.all([fit(shared, SETTINGS, 1, batches), fit(shared, SETTINGS, 2, batches)])
  assert.equal(shared.compilations(), 1)
  assertSame(first.trained, (await fit(await cpu(), SETTINGS, 1, batches)).trained)
  assertSame(second.trained, (await fit(await cpu(), SETTINGS, 2, batches)).trained)
})

const CHANGES: Partial<typeof SETTINGS>[] = [
  { losses: { soft: { weight: 0.9, temperature: 3 }, hard: { weight: 0.1, label_smoothing: 0 } } },
  { losses: { soft: { weight: 0.8, temperature: 2 }, hard: { weight: 0.1, label_smoothing: 0 } } },
  { losses: { soft: { weight: 0.9, temperature: 2 }, hard: { weight: 0.1, label_smoothing: 0.1 } } },
  { losses: { hard: { weight: 1, label_smoothing: 0 } } },
  { dropout: 0.2 },
  { accumulation: 2 },
  { weightDecay: 0.02 },
  { clipNorm: 2 },
  { layerDecay: 0.8 },
  { config: { ...CONFIG, activation: 'relu' } },
  { config: { ...CONFIG, heads: 4 } },
  { config: { ...CONFIG, layerNormEpsilon: 1e-5 } },
]

test('fits that differ in any setting of their step share nothing', async () => {
  const shared = await cpu()
  const batches = [batchOf(1)]
  await fit(shared, SETTINGS, 1, batches)
  for (const [i, change] of CHANGES.entries()) {
    await fit(shared, { ...SETTINGS, ...change }, 1, batches)
    assert.equal(shared.compilations(), i + 2, JSON.stringify(change))
  }
})

test('one program for several shapes is found again whatever the order in which batches come', async () => {
  const device = onnxDevice('cpu', { threads: 1 })
  const mixing = { ...device, runLimits: { ...device.runLimits, mixShapes: true } }
  const train = async (seed: number, batches: readonly HostTensors[]) => {
    const trainer = loopTrainer(mixing, toyStep, toyState(seed), {})
    await trainer.run(batches)
    const state = await trainer.state()
    await trainer.dispose()
    return state
  }
  await train(1, [toyBatch(1), toyBatch(2, 2, 5), toyBatch(3, 1, 4)])
  assert.equal(device.sessions.compilations, 1)
  const reversed = [toyBatch(4, 1, 4), toyBatch(5, 2, 5), toyBatch(6)]
  const state = await train(2, reversed)
  assert.equal(device.sessions.compilations, 1)
  const apart = loopTrainer(onnxDevice('cpu', { threads: 1 }), toyStep, toyState(2), {})
  for (const batch of reversed) await apart.run([batch])
  assertSame(state, await apart.state())
  await apart.dispose()
  await device.sessions.releaseIdle()
})

test('evaluators of other parameters share a program and answer by their own', async () => {
  const shared = await cpu()
  const predict = async (engine: Engine, seed: number) => {
    const evaluator = await engine.evaluator(makeInference(toyConfig), toyParameters(seed))
    const answers = await evaluator.run(batchOf(1))
    await evaluator.dispose()
    return answers
  }
  const first = await predict(shared, 1)
  const second = await predict(shared, 2)
  assert.equal(shared.compilations(), 1)
  assertSame(first, await predict(await cpu(), 1))
  assertSame(second, await predict(await cpu(), 2))
  assert.notDeepEqual(first.logits!.values, second.logits!.values)
})

test('on a device whose buffers cannot be fed, parameters that are sent often become part of a program of their own', async () => {
  const device = onnxDevice('cpu', { threads: 1 })
  const cuda = { ...device, provider: 'cuda' as const }
  const evaluator = await onnxEvaluator(cuda, makeInference(toyConfig), toyParameters(1))
  const answers = []
  for (let run = 0; run < 34; run++) answers.push(await evaluator.run(batchOf(1)))
  assert.equal(device.sessions.compilations, 2)
  for (const answer of answers) assertSame(answer, answers[0]!)
  await evaluator.load(toyParameters(2))
  const loaded = await evaluator.run(batchOf(1))
  assert.equal(device.sessions.compilations, 2)
  const expected = await onnxEvaluator(device, makeInference(toyConfig), toyParameters(2))
  assertSame(loaded, await expected.run(batchOf(1)))
  await Promise.all([evaluator.dispose(), expected.dispose()])
  await device.sessions.releaseIdle()
})
