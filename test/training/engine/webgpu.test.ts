import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { probeProvider } from '../../../training/engine/provider-probe.js'
import type { Trainer } from '../../../training/engine/types.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { decayedParameters } from '../../../training/optim/parameter-groups.js'
import { initialTrainState, makeTrainStep } from '../../../training/optim/train-step.js'
import { assertClose, assertSame } from './closeness.js'
import { toyBatch, toyConfig, toyInference, toyParameters, toyState, toyStep } from './toy-encoder.js'

// Debian's chromium brings SwiftShader, a Vulkan driver in software.
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (!process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER
const probe = await probeProvider('webgpu')
const skip = probe.usable ? false : `no Vulkan driver: ${probe.reason}`

test('training on WebGPU with the state in GPU buffers equals training on the CPU', { skip }, async () => {
  const batches = [toyBatch(1), toyBatch(2), toyBatch(3)]
  const gpu = await (await createEngine('webgpu')).trainer(toyStep, toyState())
  const cpu = await (await createEngine('cpu', { threads: 1 })).trainer(toyStep, toyState())
  const [gpuOutputs, cpuOutputs] = [await gpu.run(batches), await cpu.run(batches)]
  gpuOutputs.forEach((outputs, index) => {
    assertClose(outputs, cpuOutputs[index]!, { absolute: 1e-4, relative: 1e-3 })
  })
  const reached = await gpu.state()
  assertClose(reached, await cpu.state(), { absolute: 5e-4, relative: 1e-3 })

  const again = await gpu.run([toyBatch(4)])
  await gpu.restore(reached)
  assertSame(await gpu.state(), reached)
  assertClose((await gpu.run([toyBatch(4)]))[0]!, again[0]!, { absolute: 1e-6, relative: 1e-5 })
  await Promise.all([gpu.dispose(), cpu.dispose()])
})

/** The step of `lextier train`, whose state is held in another form than it is saved in. */
const trainStep = makeTrainStep({
  config: toyConfig,
  loss: hardTargets(),
  dropout: { rate: 0.1 },
  optimiser: {
    decays: decayedParameters(toyConfig),
    learningRateFactor: (name) => (name.includes('layer.0') ? 0.5 : 1),
  },
})

function trainBatch(seed: number, rows = 3, tokens = 8): HostTensors {
  return { ...toyBatch(seed, rows, tokens), learningRate: { shape: [], values: Float32Array.of(1e-3) } }
}

/** Softmax does not see what a key's bias adds: its gradient is rounding noise, which AdamW enlarges to whole steps. */
async function stateWithoutKeyBiases(trainer: Trainer): Promise<HostTensors> {
  return Object.fromEntries(Object.entries(await trainer.state()).filter(([name]) => !name.endsWith('key.bias')))
}

test('a state that WebGPU holds joined is the state of the CPU, by the same names, also when it is restored', {
  skip,
}, async () => {
  const initial = initialTrainState(toyParameters())
  const batches = [trainBatch(1), trainBatch(2, 2, 5), trainBatch(3)]
  const engine = await createEngine('webgpu')
  const gpu = await engine.trainer(trainStep, initial)
  const cpu = await (await createEngine('cpu', { threads: 1 })).trainer(trainStep, initial)
  assertSame(await gpu.state(), initial)
  const [gpuOutputs, cpuOutputs] = [await gpu.run(batches), await cpu.run(batches)]
  gpuOutputs.forEach((outputs, index) => {
    assertClose(outputs, cpuOutputs[index]!, { absolute: 1e-4, relative: 1e-3 })
  })
  assertClose(await stateWithoutKeyBiases(gpu), await stateWithoutKeyBiases(cpu), { absolute: 2e-5, relative: 1e-3 })

  const reached = await gpu.state()
  const [onwards] = await gpu.run([trainBatch(4)])
  await gpu.restore(reached)
  assertSame(await gpu.state(), reached)
  assertSame((await gpu.run([trainBatch(4)]))[0]!, onwards!)
  await Promise.all([gpu.dispose(), cpu.dispose()])
})

test('inference on WebGPU equals inference on the CPU, also after other parameters are loaded', { skip }, async () => {
  const gpu = await (await createEngine('webgpu')).evaluator(toyInference, toyParameters(1))
  const cpu = await (await createEngine('cpu', { threads: 1 })).evaluator(toyInference, toyParameters(1))
  const before = await gpu.run(toyBatch(1))
  assertClose(before, await cpu.run(toyBatch(1)))
  await Promise.all([gpu.load(toyParameters(2)), cpu.load(toyParameters(2))])
  const after = await gpu.run(toyBatch(1))
  assertClose(after, await cpu.run(toyBatch(1)))
  assert.notDeepEqual(after, before)
  await Promise.all([gpu.dispose(), cpu.dispose()])
})
