/**
 * Finds out whether an execution provider works, in a process of its own: a provider whose libraries are missing or do not
 * fit the driver may end the process that tries it.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { firstLine } from '../../src/onnx/providers.js'
import { encodeModel } from './onnx-encoding.js'

export type ProbeResult = { readonly usable: true } | { readonly usable: false; readonly reason: string }

/** Loading CUDA's libraries for the first time takes seconds on a busy machine. */
const TIME_LIMIT_MS = 120_000

const INSTALL_CUDA =
  "install ONNX Runtime's CUDA provider with ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node, and have CUDA " +
  'and cuDNN on the library path; or train with --device cpu'
const INSTALL_VULKAN =
  'WebGPU needs a graphics driver with Vulkan (Linux), Metal or Direct3D 12; train with --device cpu without one'

/** @returns whether a session runs on the provider; never throws */
export async function probeProvider(provider: 'cuda' | 'webgpu'): Promise<ProbeResult> {
  const require = createRequire(import.meta.url)
  const runtime = require.resolve('onnxruntime-node')
  if (provider === 'cuda' && !cudaProviderInstalled(runtime)) {
    return { usable: false, reason: `its library is not installed; ${INSTALL_CUDA}` }
  }
  const failure = await failureOf(provider, runtime)
  if (failure === undefined) return { usable: true }
  return { usable: false, reason: `${failure}; ${provider === 'cuda' ? INSTALL_CUDA : INSTALL_VULKAN}` }
}

// ONNX Runtime loads the provider from the folder of its own library. Asking it without one prints an error of its own.
function cudaProviderInstalled(runtime: string): boolean {
  const folder = path.join(path.dirname(runtime), '..', 'bin', 'napi-v6', process.platform, process.arch)
  const library = process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so'
  return existsSync(path.join(folder, library))
}

/** @returns why a tiny session on the provider failed, or undefined when it gave the right answer */
function failureOf(provider: string, runtime: string): Promise<string | undefined> {
  const model = encodeModel({
    name: 'probe',
    nodes: [{ opType: 'Add', domain: '', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
    constants: [],
    inputs: [{ name: 'x', type: 'float32', shape: [4] }],
    outputs: [{ name: 'y', type: 'float32', shape: [4] }],
  })
  const script = `
    const ort = require(${JSON.stringify(runtime)})
    const model = Buffer.from('${Buffer.from(model).toString('base64')}', 'base64')
    const options = {
      executionProviders: ['${provider}'], logSeverityLevel: 4, extra: { session: { disable_cpu_ep_fallback: '1' } },
    }
    ort.InferenceSession.create(model, options)
      .then((session) => session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]) }))
      .then(({ y }) => { if (y.data[3] !== 8) throw new Error('it computes wrong results') })
      .then(() => process.exit(0), (error) => { console.log(error.message); process.exit(1) })`
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--eval', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIME_LIMIT_MS,
    })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
    child.on('error', (error) => resolve(`it could not be tried (${error.message})`))
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined)
      else if (signal) resolve(`the process that tried it was ended by ${signal}`)
      else resolve(firstLine(printed) || `the process that tried it exited with code ${code}`)
    })
  })
}
