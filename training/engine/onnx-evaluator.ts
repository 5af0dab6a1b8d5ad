/** Inference by ONNX programs, one per shape of batch. */
import type * as ort from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { copyOf, signatureKey, signaturesOf } from './batch-runs.js'
import { matchingTensors } from './matching-tensors.js'
import { createSession, feedsOf, hostResults, type OnnxDevice } from './onnx-device.js'
import { ProgramCache } from './program-cache.js'
import { inferenceProgram } from './programs.js'
import { serially } from './serial.js'
import type { Evaluator, InferenceFunction } from './types.js'
import { borrowed, type Resident, upload } from './webgpu-buffers.js'

interface CompiledInference {
  readonly session: ort.InferenceSession
  readonly outputs: readonly string[]
  release(): Promise<void>
}

/**
 * On the CPU the parameters are fed to every run, which costs nothing there and lets all programs share them; with WebGPU
 * too, from GPU buffers. With CUDA, whose buffers cannot be fed, they are part of the programs, so that they stay in its
 * memory (a teacher's outputs over a whole corpus); from the first `load` on they are fed there as well, since compiling
 * costs more than sending them (validation between epochs).
 */
export async function onnxEvaluator(
  device: OnnxDevice,
  infer: InferenceFunction,
  parameters: HostTensors,
): Promise<Evaluator> {
  const programs = new ProgramCache<CompiledInference>(device.programs)
  const oneAtATime = serially()
  const signature = signaturesOf(parameters)
  const feedable = async (tensors: HostTensors): Promise<Resident> =>
    device.provider === 'webgpu'
      ? upload(device, tensors, 'parameter')
      : borrowed(feedsOf(copyOf(tensors), 'parameter'))
  let stored = device.provider === 'cuda' ? copyOf(parameters) : undefined
  let resident = stored ? borrowed({}) : await feedable(parameters)

  const compile = async (batch: HostTensors): Promise<CompiledInference> => {
    const signatures = { parameters: signature, batch: signaturesOf(batch) }
    const { model, outputs } = inferenceProgram(infer, signatures, device.trace, stored)
    const session = await createSession(model, device)
    return { session, outputs: Object.keys(outputs), release: () => session.release() }
  }

  return {
    run: (batch) =>
      oneAtATime(async () => {
        const { session, outputs } = await programs.get(signatureKey(signaturesOf(batch)), () => compile(batch))
        return hostResults(await session.run({ ...resident.feeds, ...feedsOf(batch, 'batch') }), outputs, 'output')
      }),
    load: (loaded) =>
      oneAtATime(async () => {
        const next = await feedable(matchingTensors('parameters', signature, loaded))
        await resident.release()
        resident = next
        if (stored) await programs.clear()
        stored = undefined
      }),
    dispose: () =>
      oneAtATime(async () => {
        await resident.release()
        resident = borrowed({})
        await programs.clear()
      }),
  }
}
