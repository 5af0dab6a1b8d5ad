import assert from 'node:assert/strict'
import test from 'node:test'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Device } from '../../../training/engine/types.js'
import { vanillaDistillation } from '../../../training/losses/vanilla-distillation.js'
import { NOISE_LENGTH } from '../../../training/nn/dropout.js'
import { decayedParameters, layerwiseFactors } from '../../../training/optim/parameter-groups.js'
import { initialTrainState, makeTrainStep } from '../../../training/optim/train-step.js'
import { createRandom } from '../../../training/random.js'
import { loadGolden, maxDifference } from '../nn/golden.js'

const golden = await loadGolden('tiny-distilbert')
const { config, parameters } = golden.checkpoint

async function train(device: Device) {
  const step = makeTrainStep({
    config,
    loss: vanillaDistillation({ softWeight: 0.6, hardWeight: 0.4, temperature: 3, labelSmoothing: 0.1 }),
    optimiser: { decays: decayedParameters(config), learningRateFactor: layerwiseFactors(config, 0.8), epsilon: 1e-4 },
    dropout: { rate: 0.2 },
    accumulation: 2,
  })
  const random = createRandom(8)
  const batch = (): HostTensors => ({
    inputIds: { shape: [4, 8], values: Int32Array.from(golden.inputs.inputIds.flat()) },
    attentionMask: { shape: [4, 8], values: Int32Array.from(golden.inputs.attentionMask.flat()) },
    labels: { shape: [4], values: Int32Array.from(golden.labels) },
    teacherLogits: { shape: [4, 3], values: random.uniformVector(12) },
    learningRate: { shape: [], values: Float32Array.of(1e-3) },
    noise: { shape: [NOISE_LENGTH], values: random.uniformVector(NOISE_LENGTH) },
  })
  const trainer = await (await createEngine(device)).trainer(step, initialTrainState(parameters))
  const outputs = await trainer.run([batch(), batch(), batch()])
  const state = await trainer.state()
  await trainer.dispose()
  return { outputs, state }
}

test('traced to an ONNX program, distillation with dropout and accumulation trains as it does eagerly', async () => {
  const [eager, traced] = [await train('tfjs:cpu'), await train('cpu')]
  for (const [index, output] of eager.outputs.entries()) {
    for (const name of ['loss', 'loss/soft', 'loss/hard', 'gradientNorm']) {
      assert.ok(maxDifference(output[name]!.values, traced.outputs[index]![name]!.values) < 1e-5, name)
    }
  }
  for (const [name, { values }] of Object.entries(eager.state)) {
    assert.ok(maxDifference(values, traced.state[name]!.values) < 1e-5, name)
  }
})
