import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { listProviders } from '../../src/onnx/providers.js'
import { openTier } from '../../src/onnx/tier-session.js'
import { openVariant } from '../../src/onnx/variants/open-variant.js'
import { writeTinyFamily } from '../support/tiny-family.js'

// Debian's chromium package ships SwiftShader, a Vulkan device in software; used where the environment names no other one
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER

const SEQUENCES = [{ inputIds: [2, 10, 20, 3] }, { inputIds: [2, ...Array.from({ length: 50 }, (_, i) => 10 + i), 3] }]

/** @returns why WebGPU cannot be tested here; undefined when it can */
async function missing(): Promise<string | undefined> {
  const webgpu = (await listProviders()).find(({ provider }) => provider === 'webgpu')
  return webgpu?.available ? undefined : `no WebGPU adapter here: ${webgpu?.reason}`
}

function assertClose(found: readonly Float32Array[], expected: readonly Float32Array[], tolerance: number) {
  expected.forEach((logits, i) => {
    logits.forEach((value, label) => {
      assert.ok(Math.abs(found[i]![label]! - value) < tolerance)
    })
  })
}

test('the portable model answers on WebGPU as it does on the CPU, padded batches and int8 weights too', async (t) => {
  const reason = await missing()
  if (reason) return t.skip(reason)
  const folder = await mkdtemp(join(tmpdir(), 'webgpu-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const precision of ['fp16', 'int8'] as const) {
    const family = await writeTinyFamily(join(folder, precision), { precision })
    const cpu = await openTier(family, 'teacher', { provider: 'cpu' })
    const gpu = await openTier(family, 'teacher', { provider: 'webgpu' })
    assert.equal(gpu.provider, 'webgpu')
    assertClose(await gpu.run(SEQUENCES), await cpu.run(SEQUENCES), 1e-4)
    await Promise.all([cpu.release(), gpu.release()])
  }
})

test('on WebGPU the fused variant runs: fp16 where the adapter has it, else fp32, with the reason said', async (t) => {
  const reason = await missing()
  if (reason) return t.skip(reason)
  const folder = await mkdtemp(join(tmpdir(), 'webgpu-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const family = await writeTinyFamily(join(folder, 'tiny'))
  const cpu = await openTier(family, 'teacher', { provider: 'cpu' })
  const options = { provider: 'webgpu', cacheDir: folder, checkedOn: async () => SEQUENCES } as const
  const best = await openVariant(family, 'teacher', { ...options, variant: 'auto' })
  if (best.variant !== 'fused_fp16') {
    assert.equal(best.variant, 'fused_fp32')
    assert.equal(best.refused[0]?.variant, 'fused_fp16')
    assert.match(best.refused[0]?.reason ?? '', /f16/)
  }
  const tolerance = best.variant === 'fused_fp16' ? 0.01 : 1e-4
  assertClose(await best.run(SEQUENCES), await cpu.run(SEQUENCES), tolerance)
  await best.release()
  await cpu.release()
})
