/** Inference by ONNX programs, one per shape of batch. */
import type { HostTensors } from '../../src/family/tensor.js'
import { copyOf, signatureKey, signaturesOf } from './batch-runs.js'
import { matchingTensors } from './matching-tensors.js'
import { feedsOf, hostResults, type OnnxDevice, type Program } from './onnx-device.js'
import { ProgramCache } from './program-cache.js'
import { inferenceProgram } from './programs.js'
import { serially } from './serial.js'
import type { Evaluator, InferenceFunction } from './types.js'
import { borrowed, type Resident, upload } from './webgpu-buffers.js'

interface CompiledInference extends Program {
  readonly outputs: readonly string[]
}

/** Runs of a shape whose parameters are sent to CUDA before a program that holds them pays: sending costs tens of milliseconds. */
const RUNS_BEFORE_STORED = 32

/**
 * The parameters are fed to every run, so that all programs, and evaluators of other parameters, share the sessions. On the CPU
 * that costs nothing; with WebGPU they are fed from GPU buffers. CUDA's buffers cannot be fed: parameters that have been sent
 * often enough with a shape become part of a program of their own, so that they stay in its memory (a teacher's outputs over
 * a whole corpus); from the first `load` on they are always sent, since compiling costs more (validation between epochs).
 */
export async function onnxEvaluator(
  device: OnnxDevice,
  infer: InferenceFunction,
  parameters: HostTensors,
): Promise<Evaluator> {
  const programs = new ProgramCache<CompiledInference>(device.programs)
  const storing = new ProgramCache<CompiledInference>(device.programs)
  const oneAtATime = serially()
  const signature = signaturesOf(parameters)
  const feedable = async (tensors: HostTensors): Promise<Resident> =>
    device.provider === 'webgpu'
      ? upload(device, tensors, 'parameter')
      : borrowed(feedsOf(copyOf(tensors), 'parameter'))
  let stored = device.provider === 'cuda' ? copyOf(parameters) : undefined
  let resident = stored ? borrowed(feedsOf(stored, 'parameter')) : await feedable(parameters)
  const runs = new Map<string, number>()

  const compile = async (batch: HostTensors, inside?: HostTensors): Promise<CompiledInference> => {
    const signatures = { parameters: signature, batch: signaturesOf(batch) }
    const { model, outputs } = inferenceProgram(infer, signatures, device.trace, inside)
    const program = inside ? device.sessions.compileAlone(model) : device.sessions.borrow(model)
    return { ...(await program), outputs: Object.keys(outputs) }
  }

  const runBatch = async (batch: HostTensors): Promise<HostTensors> => {
    const key = signatureKey(signaturesOf(batch))
    const count = (runs.get(key) ?? 0) + 1
    runs.set(key, count)
    const inside = count > RUNS_BEFORE_STORED ? stored : undefined
    const { run, outputs } = await (inside ? storing : programs).get(key, () => compile(batch, inside))
    const results = await run({ ...(inside ? {} : resident.feeds), ...feedsOf(batch, 'batch') })
    return hostResults(results, outputs, 'output')
  }

  return {
    run: (batch) => oneAtATime(() => runBatch(batch)),
    load: (loaded) =>
      oneAtATime(async () => {
        const next = await feedable(matchingTensors('parameters', signature, loaded))
        await resident.release()
        resident = next
        await storing.clear()
        stored = undefined
      }),
    dispose: () =>
      oneAtATime(async () => {
        await resident.release()
        resident = borrowed({})
        await storing.clear()
        await programs.clear()
      }),
  }
}
