import { InvalidConfiguration, ProviderUnavailable } from '../../src/errors.js'
import { eagerEngine } from './eager-engine.js'
import { loopTrainer } from './loop-trainer.js'
import { onnxDevice, onnxSessions, type Provider } from './onnx-device.js'
import { onnxEvaluator } from './onnx-evaluator.js'
import { probeProvider } from './provider-probe.js'
import type { Device, Engine, Precision } from './types.js'
import { webgpuTrainer } from './webgpu-trainer.js'

export interface EngineOptions {
  /** CPU threads within an operator; default: one a physical core. Programs on GPUs run their few CPU operators on them. */
  readonly threads?: number
  /** what training steps are computed in; unless told otherwise float16 on CUDA, where it is faster, and float32 elsewhere */
  readonly precision?: Precision
}

/**
 * The engine that training runs on. What is asked for by name is used or refused; `auto` is CUDA where it works, else the
 * CPU, and the engine's description says why.
 * @throws ProviderUnavailable when `cuda` or `webgpu` was asked for and does not work here
 * @throws EngineUnavailable when a tfjs backend is not installed
 * @throws InvalidConfiguration for any other device
 */
export async function createEngine(device: Device, options: EngineOptions = {}): Promise<Engine> {
  if (device.startsWith('tfjs:')) return eagerEngine(device.slice('tfjs:'.length))
  if (device === 'cpu') return onnxEngine('cpu', 'as asked for', options)
  if (device === 'auto') {
    const cuda = await probeProvider('cuda')
    return cuda.usable
      ? onnxEngine('cuda', 'chosen because it works here', options)
      : onnxEngine('cpu', `chosen because CUDA cannot be used: ${cuda.reason}`, options)
  }
  if (device === 'cuda' || device === 'webgpu') {
    const probe = await probeProvider(device)
    if (!probe.usable) throw new ProviderUnavailable(device, probe.reason)
    return onnxEngine(device, 'as asked for', options)
  }
  throw new InvalidConfiguration('device', `"${device}" is none of auto, cpu, cuda, webgpu, tfjs:NAME`)
}

function onnxEngine(provider: Provider, why: string, options: EngineOptions): Engine {
  const { threads, precision = provider === 'cuda' ? 'float16' : 'float32' } = options
  const sessions = onnxSessions({ provider, threads })
  const training = onnxDevice(provider, { threads, precision, sessions })
  const inference = onnxDevice(provider, { threads, sessions })
  const how = provider === 'webgpu' ? 'one step a run' : 'many steps a run'
  return {
    device: provider,
    description: `${provider}: traced programs on ONNX Runtime, ${how}, ${precision}, ${why}`,
    precision,
    trainer: async (step, state, frozen = {}) =>
      provider === 'webgpu' ? webgpuTrainer(training, step, state, frozen) : loopTrainer(training, step, state, frozen),
    evaluator: async (infer, parameters) => onnxEvaluator(inference, infer, parameters),
    compilations: () => sessions.compilations,
    dispose: async () => void (await sessions.releaseIdle()),
  }
}
