/** Execution providers: which there are, which can be used on this machine, and what to do about the others. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { findGpuDevices } from './gpu-devices.js'
import { GraphBuilder } from './graph-builder.js'
import { DataType, encodeModel } from './protobuf.js'

// what fails is thrown, with its reason; ONNX Runtime would also print it, with paths of the machine it was built on
env.logLevel = 'fatal'

export const PROVIDERS = ['cpu', 'cuda', 'webgpu'] as const
export type Provider = (typeof PROVIDERS)[number]

export interface ProviderStatus {
  readonly provider: Provider
  /** a session was created and ran */
  readonly available: boolean
  /** WebGPU on a machine without a GPU device: an emulation on the CPU, slower than the CPU provider */
  readonly software: boolean
  /** why it is not available and what would help; empty when it is */
  readonly reason: string
}

/**
 * @param device which of several GPUs, counted from 0; CUDA alone takes a choice
 * @returns what ONNX Runtime is asked for: the provider alone, so that a missing one is an error and not the CPU
 */
export function executionProviders(provider: Provider, device = 0): InferenceSession.ExecutionProviderConfig[] {
  return provider === 'cuda' ? [{ name: 'cuda', deviceId: device }] : [provider]
}

/**
 * Tries each provider with a model of one node. Loads native libraries: call it in a process that may die.
 */
export async function listProviders(): Promise<ProviderStatus[]> {
  const model = probeModel()
  const statuses: ProviderStatus[] = []
  for (const provider of PROVIDERS) {
    const reason = await probe(model, provider)
    statuses.push({
      provider,
      available: reason === '',
      software: provider === 'webgpu' && !findGpuDevices().any,
      reason,
    })
  }
  return statuses
}

/** @returns one sentence: what ONNX Runtime said, and the way out */
export function wayOut(provider: Provider, error: unknown): string {
  return `${firstLine(error)}. ${WAYS_OUT[provider]}`
}

/** @returns what ONNX Runtime said, without the node, source line and condition that said it, and without a full stop */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const line = message.trim().split('\n')[0] ?? ''
  return line
    .replace(/^\/\S+ /, '')
    .replace(/^Non-zero status code .*? Status Message: (?:\S+:\d+ \S+ )?/, '')
    .replace(/^.* was false\. /, '')
    .replace(/[.\s]*$/, '')
}

const WAYS_OUT: Record<Provider, string> = {
  cpu: 'Install onnxruntime-node again',
  cuda: 'Install the CUDA provider of onnxruntime-node as the README says, check the NVIDIA driver with nvidia-smi, or choose --provider cpu',
  webgpu:
    'It needs a GPU with a Vulkan, Metal or Direct3D 12 driver (on Linux libvulkan1 and an ICD, see VK_ICD_FILENAMES), or choose --provider cpu',
}

async function probe(model: Uint8Array, provider: Provider): Promise<string> {
  try {
    const session = await InferenceSession.create(model, {
      executionProviders: executionProviders(provider),
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    })
    await session.run({ x: new Tensor('float32', [1], [1]) })
    await session.release()
    return ''
  } catch (error) {
    return wayOut(provider, error)
  }
}

function probeModel(): Uint8Array {
  const graph = new GraphBuilder()
  const x = graph.input('x', DataType.FLOAT, [1])
  graph.node('Add', [x, x], { output: 'y' })
  graph.output('y', DataType.FLOAT, [1])
  return encodeModel(graph.build('probe', { opset: 17 }))
}
