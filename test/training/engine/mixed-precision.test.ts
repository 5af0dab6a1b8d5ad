import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { loopTrainer } from '../../../training/engine/loop-trainer.js'
import { type OnnxDevice, onnxDevice } from '../../../training/engine/onnx-device.js'
import type { OfferedKernel, StepFunction } from '../../../training/engine/types.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { initialTrainState, makeTrainStep } from '../../../training/optim/train-step.js'
import { createRandom } from '../../../training/random.js'

const CONFIG: EncoderConfig = {
  vocabSize: 40,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  intermediateSize: 64,
  maxPositions: 16,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  padTokenId: 0,
  activation: 'gelu',
  pooling: 'cls',
  pooler: 'tanh',
  labels: 3,
}
const STEPS = 48

/** What the CPU provider can run of what the CUDA provider is given. */
const FUSED: readonly OfferedKernel[] = [
  'LayerNorm',
  'LayerNormGrad',
  'Gelu',
  'FullPrecision',
  'HalfPrecision',
  'ManyTensors',
  'CostlyOperators',
]

function device(trace: Partial<OnnxDevice['trace']>): OnnxDevice {
  const cpu = onnxDevice('cpu', { threads: 1 })
  return { ...cpu, trace: { ...cpu.trace, ...trace } }
}

function batches(): HostTensors[] {
  const random = createRandom(3)
  const [rows, tokens] = [8, 12]
  return Array.from({ length: STEPS }, () => {
    const labels = Int32Array.from({ length: rows }, () => random.integer(3))
    const ids = Int32Array.from({ length: rows * tokens }, (_, place) =>
      place % tokens === 1 ? 1 + labels[Math.floor(place / tokens)]! : 4 + random.integer(36),
    )
    return {
      inputIds: { shape: [rows, tokens], values: ids },
      attentionMask: {
        shape: [rows, tokens],
        values: Int32Array.from({ length: rows * tokens }, (_, place) => (place % tokens < 10 ? 1 : 0)),
      },
      labels: { shape: [rows], values: labels },
      learningRate: { shape: [], values: Float32Array.of(4e-3) },
    }
  })
}

function step(): StepFunction {
  return makeTrainStep({
    config: CONFIG,
    loss: hardTargets(),
    optimiser: { decays: (name) => name.endsWith('weight') && !name.includes('LayerNorm') },
  })
}

async function losses(on: OnnxDevice, lossScaling: boolean): Promise<number[]> {
  const trainer = loopTrainer(on, step(), initialTrainState(start(), { lossScaling }), {})
  const outputs = await trainer.run(batches())
  await trainer.dispose()
  return outputs.map(({ loss }) => loss!.values[0]!)
}

const start = () => initialParameters(CONFIG, createRandom(5))

async function eagerLosses(): Promise<number[]> {
  const trainer = await (await createEngine('tfjs:cpu')).trainer(step(), initialTrainState(start()))
  const outputs = await trainer.run(batches())
  await trainer.dispose()
  return outputs.map(({ loss }) => loss!.values[0]!)
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  assert.equal(a.length, b.length)
  return Math.max(...a.map((value, index) => Math.abs(value - b[index]!)))
}

test('with the kernels that a provider offers beyond tfjs, a model trains as with tfjs alone', async () => {
  const difference = largestDifference(await losses(device({ fused: FUSED }), false), await eagerLosses())
  assert.ok(difference < 2e-3, `losses differ by ${difference}`)
})

test('in mixed precision losses follow those of float32, and differ from them', async () => {
  const reference = await eagerLosses()
  assert.ok(reference.at(-1)! < 0.8 * reference[0]!, 'the reference learns')
  const difference = largestDifference(await losses(device({ fused: FUSED, halfFrom: 64 }), true), reference)
  assert.ok(difference < 3e-2, `losses differ by ${difference}`)
  assert.ok(difference > 1e-7, 'something was computed in float16')
})

test('a step whose gradients overflow changes no parameter and no moment, and halves the loss scale', async () => {
  const before = initialTrainState(start(), { lossScaling: true })
  before.lossScale = { shape: [], values: Float32Array.of(2 ** 120) }
  const trainer = loopTrainer(device({ fused: FUSED, halfFrom: 64 }), step(), before, {})
  const [output] = await trainer.run(batches().slice(0, 1))
  const after = await trainer.state()
  await trainer.dispose()
  assert.ok(Number.isFinite(output!.loss!.values[0]!))
  assert.equal(after.lossScale!.values[0], 2 ** 119)
  for (const name of Object.keys(before)) {
    if (name !== 'lossScale') assert.deepEqual(after[name]!.values, before[name]!.values, name)
  }
})

test('after a thousand steps without overflow the loss scale doubles', async () => {
  const before = initialTrainState(start(), { lossScaling: true })
  before['lossScale/goodSteps'] = { shape: [], values: Float32Array.of(999) }
  const trainer = loopTrainer(device({}), step(), before, {})
  await trainer.run(batches().slice(0, 1))
  const after = await trainer.state()
  await trainer.dispose()
  assert.equal(after.lossScale!.values[0], 2 * before.lossScale!.values[0]!)
  assert.equal(after['lossScale/goodSteps']!.values[0], 0)
})

test('the eager engine ignores what it is not offered: a loss scale changes its steps by rounding alone', async () => {
  const engine = await createEngine('tfjs:cpu')
  const scaled = await engine.trainer(step(), initialTrainState(start(), { lossScaling: true }))
  const outputs = await scaled.run(batches())
  await scaled.dispose()
  const found = outputs.map(({ loss }) => loss!.values[0]!)
  assert.ok(largestDifference(found, await eagerLosses()) < 1e-5)
  assert.equal(tf.getBackend(), 'cpu')
})
