import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findGpuDevices } from '../../src/onnx/gpu-devices.js'
import { address, poll } from '../cli/lextier-process.js'
import { writeTinyFamily } from '../support/tiny-family.js'
import { call } from './load.js'
import { reasonsUnready, serve, stop } from './server.js'

const SMALL_GPU = new URL('fixtures/small-gpu.mjs', import.meta.url)
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-missing-provider-'))
  await writeTinyFamily(join(folder, 'tiny'), { tiers: ['teacher'] })
})
after(() => rm(folder, { recursive: true, force: true }))

/** The server is up, says why it is not ready, refuses by name and ends in order. */
async function assertUnready(provider: string, variables: Record<string, string>, reason: RegExp): Promise<void> {
  const server = serve(['--models', folder, '--provider', provider, '--variant', 'portable'], variables)
  const url = await address(server)
  const reasons = await reasonsUnready(url)
  assert.match(reasons.join('\n'), reason)
  const refused = await call(url, { text: 'a' })
  assert.deepEqual([refused.status, refused.code], [503, 'NOT_READY'])
  await stop(server)
}

test(
  'without the libraries of CUDA, --provider cuda is named as unavailable, and no other provider answers',
  {
    skip: findGpuDevices().nvidia && 'this machine has an NVIDIA GPU',
  },
  () => assertUnready('cuda', {}, /PROVIDER_UNAVAILABLE.*cuda.*--provider cpu/),
)

test('without a Vulkan driver, --provider webgpu is named as unavailable, and no other provider answers', {
  skip: process.platform !== 'linux' && 'other systems have other drivers',
}, () => {
  const none = join(folder, 'no-driver.json')
  return assertUnready('webgpu', { VK_ICD_FILENAMES: none, VK_DRIVER_FILES: none }, /PROVIDER_UNAVAILABLE.*webgpu/)
})

test('a model that does not fit into the memory of the GPU is named so, and no other provider answers', () => {
  const variables = { NODE_OPTIONS: `--import ${SMALL_GPU}`, SMALL_GPU: 'load' }
  return assertUnready('cuda', variables, /GPU_MEMORY_EXHAUSTED.*cuda/)
})

test('a batch that does not fit into the memory of the GPU fails alone: the log names it, the server answers the next', async () => {
  const full = join(folder, 'full')
  const variables = { NODE_OPTIONS: `--import ${SMALL_GPU}`, SMALL_GPU: full }
  const server = serve(['--models', folder, '--provider', 'cuda', '--variant', 'portable'], variables)
  const url = await address(server)
  await poll(`${url}/health/ready`, ({ status }) => status === 200)
  await writeFile(full, '')
  const failed = await call(url, { text: 'a' })
  assert.deepEqual([failed.status, failed.code], [500, 'INTERNAL'])
  assert.match(server.output.stdout, /"code":"GPU_MEMORY_EXHAUSTED"/)
  assert.ok(!server.output.stdout.includes('bfc_arena'), "the runtime's own words may hold paths")
  await rm(full)
  assert.equal((await call(url, { text: 'a' })).status, 200)
  assert.equal((await fetch(`${url}/health/ready`)).status, 200)
  await stop(server)
})
