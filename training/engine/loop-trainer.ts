/** Trains by programs of many steps: state goes into a run, stays on the device from step to step, and comes out after it. */
import type * as ort from 'onnxruntime-node'
import { Tensor } from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { copyOf, cutIntoRuns, signatureKey, signaturesOf, stack, unstack } from './batch-runs.js'
import { matchingTensors } from './matching-tensors.js'
import { createSession, feedsOf, hostResults, type OnnxDevice } from './onnx-device.js'
import { ProgramCache } from './program-cache.js'
import { loopProgram } from './programs.js'
import { serially } from './serial.js'
import type { StepFunction, Trainer } from './types.js'

interface CompiledLoop {
  readonly session: ort.InferenceSession
  readonly outputs: readonly string[]
  release(): Promise<void>
}

/** @returns a trainer that runs the step in ONNX loops */
export function loopTrainer(
  device: OnnxDevice,
  step: StepFunction,
  initial: HostTensors,
  frozen: HostTensors,
): Trainer {
  const programs = new ProgramCache<CompiledLoop>(device.programs)
  const oneAtATime = serially()
  const signatures = { state: signaturesOf(initial), frozen: signaturesOf(frozen) }
  const stateNames = Object.keys(initial)
  const frozenFeeds = feedsOf(frozen, 'frozen')
  // Replaced by every run, never written to: a run that fails leaves the state as it was.
  let state = copyOf(initial)

  const compile = async (batch: HostTensors): Promise<CompiledLoop> => {
    const { model, outputs } = loopProgram(step, { ...signatures, batch: signaturesOf(batch) }, device.trace)
    const session = await createSession(model, device)
    return { session, outputs: Object.keys(outputs), release: () => session.release() }
  }

  const runLoop = async (batches: readonly HostTensors[]): Promise<HostTensors[]> => {
    const first = batches[0]!
    const { session, outputs } = await programs.get(signatureKey(signaturesOf(first)), () => compile(first))
    const results = await session.run({
      steps: new Tensor('int64', BigInt64Array.of(BigInt(batches.length)), []),
      ...feedsOf(state, 'state'),
      ...feedsOf(stack(batches), 'batch'),
      ...frozenFeeds,
    })
    state = await hostResults(results, stateNames, 'next')
    return unstack(await hostResults(results, outputs, 'output'), batches.length)
  }

  return {
    run: (batches) =>
      oneAtATime(async () => {
        const outputs: HostTensors[] = []
        for (const run of cutIntoRuns(batches, device.runLimits)) outputs.push(...(await runLoop(run)))
        return outputs
      }),
    state: () => oneAtATime(async () => copyOf(state)),
    restore: (restored) =>
      oneAtATime(async () => {
        state = copyOf(matchingTensors('state tensors', signatures.state, restored))
      }),
    dispose: () => oneAtATime(() => programs.clear()),
  }
}
