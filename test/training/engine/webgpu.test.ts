import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { probeProvider } from '../../../training/engine/provider-probe.js'
import { assertClose, assertSame } from './closeness.js'
import { toyBatch, toyInference, toyParameters, toyState, toyStep } from './toy-encoder.js'

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
