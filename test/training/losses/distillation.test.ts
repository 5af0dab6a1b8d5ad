import assert from 'node:assert/strict'
import test from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Device } from '../../../training/engine/types.js'
import { type DistillationLosses, distillationLoss } from '../../../training/losses/distillation.js'
import { hiddenStateLoss } from '../../../training/losses/hidden-states.js'
import { relationLoss } from '../../../training/losses/relations.js'
import { NOISE_LENGTH } from '../../../training/nn/dropout.js'
import { type EncoderBatch, encode } from '../../../training/nn/encoder.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { decayedParameters } from '../../../training/optim/parameter-groups.js'
import { initialTrainState, makeTrainStep, trainedParameters } from '../../../training/optim/train-step.js'
import { createRandom } from '../../../training/random.js'
import { toyBatch, toyConfig, toyParameters } from '../engine/toy-encoder.js'
import { maxDifference, toTensors } from '../nn/golden.js'

const student: EncoderConfig = toyConfig // 2 x 16, 2 heads
const teacher: EncoderConfig = { ...toyConfig, layers: 4, hiddenSize: 24, heads: 3, intermediateSize: 20 }
const frozenTeacher = { config: teacher, parameters: initialParameters(teacher, createRandom(5)) }
const EVERYTHING: DistillationLosses = {
  soft: { weight: 0.5, temperature: 3 },
  hard: { weight: 0.25, labelSmoothing: 0.1 },
  hidden: { weight: 1, layers: 'uniform' },
  attention: { weight: 0.75, layers: 'late', form: 'auto' },
  relations: { weight: 0.5, heads: 4, layers: [[1, 3]] },
  cls: { weight: 1, layers: 'uniform' },
}
const WEIGHTS: Record<string, number> = { soft: 0.5, hard: 0.25, hidden: 1, attention: 0.75, relations: 0.5, cls: 1 }

function batch(seed: number): HostTensors {
  const random = createRandom(seed)
  return {
    ...toyBatch(seed, 4, 6),
    teacherLogits: { shape: [4, 2], values: random.uniformVector(8) },
    learningRate: { shape: [], values: Float32Array.of(1e-2) },
    noise: { shape: [NOISE_LENGTH], values: random.uniformVector(NOISE_LENGTH) },
  }
}

async function train(device: Device, batches: readonly HostTensors[]) {
  const loss = distillationLoss(EVERYTHING, student, frozenTeacher)
  const step = makeTrainStep({
    config: student,
    loss,
    optimiser: { decays: decayedParameters(student), epsilon: 1e-4 },
    dropout: { rate: 0.1 },
    accumulation: 2,
  })
  const initial = { ...toyParameters(), ...loss.initialParameters!(createRandom(1)) }
  const trainer = await (await createEngine(device, { threads: 1 })).trainer(
    step,
    initialTrainState(initial),
    loss.frozen,
  )
  const outputs = await trainer.run(batches)
  const state = await trainer.state()
  await trainer.dispose()
  return { initial, outputs, state }
}

test('all losses at once train traced to an ONNX program as they do eagerly, projections among the trained', async () => {
  const batches = [batch(1), batch(2), batch(3)]
  const [eager, traced] = [await train('tfjs:cpu', batches), await train('cpu', batches)]
  for (const [index, output] of eager.outputs.entries()) {
    const parts = Object.keys(WEIGHTS)
    for (const name of ['loss', 'gradientNorm', ...parts.map((part) => `loss/${part}`)]) {
      const [a, b] = [output[name]!.values[0]!, traced.outputs[index]![name]!.values[0]!]
      assert.ok(Math.abs(a - b) < 2e-5 * (1 + Math.abs(a)), `${name}: ${a}, ${b}`)
    }
    const sum = parts.reduce((total, part) => total + WEIGHTS[part]! * output[`loss/${part}`]!.values[0]!, 0)
    assert.ok(Math.abs(sum - output.loss!.values[0]!) < 1e-5 * sum)
  }
  for (const [name, { values }] of Object.entries(eager.state)) {
    assert.ok(maxDifference(values, traced.state[name]!.values) < 1e-4, name)
  }
  const trained = trainedParameters(eager.state)
  const own = Object.keys(trained).filter((name) => name.startsWith('projection.'))
  assert.deepEqual(own, [
    'projection.hidden.0-0.weight',
    'projection.hidden.1-2.weight',
    'projection.hidden.2-4.weight',
    'projection.cls.1-2.weight',
    'projection.cls.2-4.weight',
  ])
  for (const name of own) assert.ok(maxDifference(trained[name]!.values, eager.initial[name]!.values) > 1e-3, name)
})

test('the teacher in the step reads the batch without dropout, and each loss compares the layers that its map names', async () => {
  await tf.setBackend('cpu')
  const narrow = { ...teacher, hiddenSize: 16, heads: 2 }
  const parameters = initialParameters(narrow, createRandom(6))
  const loss = distillationLoss(
    { hidden: { weight: 1, layers: [[1, 3]] }, relations: { weight: 1, heads: 2 } },
    student,
    { config: narrow, parameters },
  )
  const tensors = toTensors(batch(4))
  const tokens = tensors as typeof tensors & EncoderBatch
  const collect = { hiddenStates: true, attention: true }
  const outputs = encode(toTensors(toyParameters()), student, tokens, { collect })
  const others = encode(toTensors(parameters), narrow, tokens, { collect })
  const { parts } = loss.compute({ outputs, batch: tensors, frozen: toTensors(loss.frozen!), parameters: {} })
  const mask = tokens.attentionMask
  const [own, last] = [outputs.attention![1]!, others.attention![3]!]
  const relation = (name: 'queries' | 'keys' | 'values') => relationLoss(own[name], last[name], mask, 2).dataSync()[0]!
  const expected = {
    hidden: hiddenStateLoss(outputs.hiddenStates![1]!, others.hiddenStates![3]!, mask).dataSync()[0]!,
    relations: relation('queries') + relation('keys') + relation('values'),
  }
  assert.deepEqual(Object.keys(parts), Object.keys(expected))
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Math.abs(parts[name]!.dataSync()[0]! - value) < 1e-6, name)
  }
})

test('a teacher runs in the step only where a loss of weight above 0 looks inside it', () => {
  const soft = { weight: 1, temperature: 2 }
  assert.equal(
    distillationLoss({ soft, hidden: { weight: 0, layers: 'all' } }, student, frozenTeacher).frozen,
    undefined,
  )
  assert.throws(() => distillationLoss({ soft, cls: { weight: 1, layers: 'late' } }, student), {
    code: 'INVALID_CONFIGURATION',
    message: /cls looks inside a teacher, and there is none/,
  })
})

test('weights out of range, or none above 0, are refused by name', () => {
  assert.throws(
    () => distillationLoss({ soft: { weight: 1.5, temperature: 2 } }, student),
    /soft\.weight: 1\.5 is not in/,
  )
  assert.throws(() => distillationLoss({}, student), /no weight is above 0/)
})

test('layer maps, relation heads and attention forms that do not fit the two models name the key', () => {
  const refused = (losses: DistillationLosses, message: RegExp) =>
    assert.throws(() => distillationLoss(losses, student, frozenTeacher), { code: 'INVALID_CONFIGURATION', message })
  refused({ hidden: { weight: 1, layers: 'all' } }, /hidden\.layers: all needs as many layers/)
  refused({ attention: { weight: 1, layers: [[0, 0]], form: 'auto' } }, /attention\.layers: the pair \[0, 0\]/)
  refused(
    { attention: { weight: 1, layers: 'late', form: 'scores' } },
    /attention\.form: scores are compared head by head/,
  )
  refused({ relations: { weight: 1, heads: 3 } }, /relations\.heads: 3 does not divide .* 1, 2, 4, 8 do/)
})
