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

interface CompiledInference {
  readonly session: ort.InferenceSession
  readonly outputs: readonly string[]
  release(): Promise<void>
}

/**
 * On the CPU the parameters are fed to every run, which costs nothing there and lets all programs share them. On a GPU they
 * are part of the programs, so that they stay in its memory (a teacher's outputs over a whole corpus); from the first
 * `load` on they are fed there too, since compiling costs more than sending them (validation between epochs).
 */
export function onnxEvaluator(device: OnnxDevice, infer: InferenceFunction, parameters: HostTensors): Evaluator {
  const programs = new ProgramCache<CompiledInference>(device.programs)
  const oneAtATime = serially()
  const signature = signaturesOf(parameters)
  let current = copyOf(parameters)
  let stored = device.provider !== 'cpu'

  const compile = async (batch: HostTensors): Promise<CompiledInference> => {
    const signatures = { parameters: signature, batch: signaturesOf(batch) }
    const { model, outputs } = inferenceProgram(infer, signatures, device.trace, stored ? current : undefined)
    const session = await createSession(model, device)
    return { session, outputs: Object.keys(outputs), release: () => session.release() }
  }

  return {
    run: (batch) =>
      oneAtATime(async () => {
        const { session, outputs } = await programs.get(signatureKey(signaturesOf(batch)), () => compile(batch))
        const feeds = { ...(stored ? {} : feedsOf(current, 'parameter')), ...feedsOf(batch, 'batch') }
        return hostResults(await session.run(feeds), outputs, 'output')
      }),
    load: (loaded) =>
      oneAtATime(async () => {
        current = copyOf(matchingTensors('parameters', signature, loaded))
        if (stored) await programs.clear()
        stored = false
      }),
    dispose: () => oneAtATime(() => programs.clear()),
  }
}
