/** ONNX Runtime as the engine sees it: sessions on one provider, tensors in and out. */
import { totalmem } from 'node:os'
import { availableMemory, constrainedMemory } from 'node:process'
import * as ort from 'onnxruntime-node'
import type { HostTensor, HostTensors } from '../../src/family/tensor.js'
import type { RunLimits } from './batch-runs.js'
import { type BorrowedProgram, SessionCache } from './session-cache.js'
import type { TraceOptions } from './tracing-backend.js'
import type { OfferedKernel, Precision } from './types.js'

export type Provider = 'cpu' | 'cuda' | 'webgpu'

/** Where and how sessions run. */
export interface SessionSettings {
  readonly provider: Provider
  /** CPU threads within an operator; undefined: ONNX Runtime's choice, one a physical core */
  readonly threads: number | undefined
}

export type Feeds = Record<string, ort.Tensor>
export type Results = Readonly<Record<string, ort.Tensor>>
export type Program = BorrowedProgram<Feeds, Results>
export type OnnxSessions = SessionCache<Feeds, Results>

export interface OnnxDevice extends SessionSettings {
  readonly trace: TraceOptions
  /** how much of an epoch one run takes; a run blocks the thread that waits for it */
  readonly runLimits: RunLimits
  /** programs that a trainer or evaluator holds at once */
  readonly programs: number
  /** compiled programs, which trainers and evaluators borrow */
  readonly sessions: OnnxSessions
}

const MEBIBYTE = 2 ** 20

/** Values with fewer elements than this stay float32 in mixed precision: they cost nothing, and logits are among them. */
const HALF_FROM = 2 ** 16

/** The kernels beyond tfjs' own that each provider has, and runs faster than their parts. */
const FUSED_KERNELS: Record<Provider, readonly OfferedKernel[]> = {
  cpu: ['FullPrecision', 'ManyTensors'],
  cuda: [
    'LayerNorm',
    'LayerNormGrad',
    'Gelu',
    'SoftmaxWithBias',
    'DeviceDropout',
    'BiasDropout',
    'FullPrecision',
    'HalfPrecision',
    'ManyTensors',
    'CostlyOperators',
  ],
  webgpu: ['LayerNorm', 'Gelu', 'FullPrecision', 'CostlyOperators'],
}

/**
 * What WebGPU's kernels want to be spared. A shader may bind 8 buffers on every device, and one is its input. Gemm reads a
 * transposed right operand from workgroup memory by conflicting banks. Sums of 32 rows or more transpose all that they sum.
 */
const WEBGPU_TRACE: Partial<TraceOptions> = { mostOutputs: 7, transposeRightApart: true, columnSumsInStages: true }

/**
 * Buffers are kept by their exact size for the next tensor of that size. By default the provider keeps a few of each of some
 * rounded sizes, and a training step then allocates most of its activations from the driver anew.
 */
const WEBGPU_BUFFERS = 'simple'

export interface DeviceOptions {
  /** CPU threads within an operator */
  readonly threads?: number | undefined
  /** of training steps; inference is float32 */
  readonly precision?: Precision
  /** of the same provider and threads; own ones unless given */
  readonly sessions?: OnnxSessions
}

/** Programs that a trainer or evaluator holds at once, and that an engine keeps compiled altogether. */
const PROGRAMS: Record<Provider, number> = { cpu: 16, cuda: 8, webgpu: 8 }

/**
 * @returns the device's settings. The CPU's runs are short, so that progress shows and Ctrl-C works. CUDA's are long and mix
 * shapes, since the state travels between host and GPU once a run.
 */
export function onnxDevice(
  provider: Provider,
  { threads, precision = 'float32', sessions = onnxSessions({ provider, threads }) }: DeviceOptions = {},
): OnnxDevice {
  return {
    provider,
    threads,
    trace: {
      batchedMatMul: provider === 'webgpu' ? 'plain' : 'fused',
      fused: FUSED_KERNELS[provider],
      ...(provider === 'webgpu' && WEBGPU_TRACE),
      ...(precision === 'float16' && { halfFrom: HALF_FROM }),
    },
    runLimits:
      provider === 'cuda'
        ? { maxSteps: 1024, maxBytes: 256 * MEBIBYTE, mixShapes: true }
        : { maxSteps: 8, maxBytes: 64 * MEBIBYTE, mixShapes: false },
    programs: PROGRAMS[provider],
    sessions,
  }
}

/** @returns a cache of what is compiled for the provider: the programs of a usual fit or two, a handful each */
export function onnxSessions(settings: SessionSettings): OnnxSessions {
  return new SessionCache<Feeds, Results>({
    compile: (model, onDevice) => createSession(model, settings, onDevice),
    capacity: PROGRAMS[settings.provider],
    // a program on a GPU that lacks memory says so, on the CPU the system ends the process
    ...(settings.provider === 'cpu' && { scarce: memoryIsScarce }),
  })
}

/** Whether less than a quarter is left of what the process may use. */
function memoryIsScarce(): boolean {
  // 0, or more than there is, where a container sets no limit
  const limit = Math.min(constrainedMemory() || Number.POSITIVE_INFINITY, totalmem())
  return availableMemory() < limit / 4
}

const PROVIDER_OPTIONS: Record<Provider, ort.InferenceSession.ExecutionProviderConfig[]> = {
  cpu: ['cpu'],
  cuda: [{ name: 'cuda', deviceId: 0 }, 'cpu'],
  webgpu: [{ name: 'webgpu', storageBufferCacheMode: WEBGPU_BUFFERS }],
}

/**
 * @param onDevice names of outputs to leave in GPU buffers (WebGPU only)
 * @throws Error when ONNX Runtime refuses the model or the provider
 */
export function createSession(
  model: Uint8Array,
  device: SessionSettings,
  onDevice: readonly string[] = [],
): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: PROVIDER_OPTIONS[device.provider],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(device.threads === undefined ? {} : { intraOpNumThreads: device.threads }),
    ...(onDevice.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer' as const])) }),
  })
}

/** @returns feeds named `prefix.name`; they share the tensors' memory */
export function feedsOf(tensors: HostTensors, prefix: string): Feeds {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, ortTensor(tensor)]))
}

/** @returns a tensor over the same memory */
export function ortTensor({ shape, values }: HostTensor): ort.Tensor {
  return values instanceof Float32Array
    ? new ort.Tensor('float32', values, shape)
    : new ort.Tensor('int32', values, shape)
}

/** @returns the results named `prefix.*`, without the prefix, as host tensors; GPU buffers are read back */
export async function hostResults(results: Results, names: readonly string[], prefix: string): Promise<HostTensors> {
  const host: HostTensors = {}
  for (const name of names) {
    const tensor = results[`${prefix}.${name}`]!
    host[name] = { shape: tensor.dims, values: (await tensor.getData()) as Float32Array | Int32Array }
  }
  return host
}
