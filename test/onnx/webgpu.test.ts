import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { listProviders } from '../../src/onnx/providers.js'
import { openTier } from '../../src/onnx/tier-session.js'
import { writeTinyFamily } from '../support/tiny-family.js'

// Debian's chromium package ships SwiftShader, a Vulkan device in software; used where the environment names no other one
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER

test('the portable model answers on WebGPU as it does on the CPU, padded batches and int8 weights too', async (t) => {
  const webgpu = (await listProviders()).find(({ provider }) => provider === 'webgpu')
  if (!webgpu?.available) return t.skip(`no WebGPU adapter here: ${webgpu?.reason}`)
  const folder = await mkdtemp(join(tmpdir(), 'webgpu-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const sequences = [
    { inputIds: [2, 10, 20, 3] },
    { inputIds: [2, ...Array.from({ length: 50 }, (_, i) => 10 + i), 3] },
  ]
  for (const precision of ['fp16', 'int8'] as const) {
    const family = await writeTinyFamily(join(folder, precision), { precision })
    const cpu = await openTier(family, 'teacher', { provider: 'cpu' })
    const gpu = await openTier(family, 'teacher', { provider: 'webgpu' })
    assert.equal(gpu.provider, 'webgpu')
    const [expected, found] = [await cpu.run(sequences), await gpu.run(sequences)]
    expected.forEach((logits, i) => {
      logits.forEach((value, label) => {
        assert.ok(Math.abs(found[i]![label]! - value) < 1e-4)
      })
    })
    await Promise.all([cpu.release(), gpu.release()])
  }
})
