/**
 * Trains by programs of one step. The state stays in GPU buffers between steps: an ONNX `Loop` would copy it to the CPU
 * and back at every one of them on this provider.
 */
import type * as ort from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { signatureKey, signaturesOf } from './batch-runs.js'
import { matchingTensors } from './matching-tensors.js'
import { feedsOf, hostResults, type OnnxDevice, type Program } from './onnx-device.js'
import { ProgramCache } from './program-cache.js'
import { stepProgram } from './programs.js'
import { serially } from './serial.js'
import type { StepFunction, Trainer } from './types.js'
import { borrowed, download, type Resident, upload } from './webgpu-buffers.js'

interface CompiledStep extends Program {
  readonly outputs: readonly string[]
}

/** @returns a trainer that runs the step once a call */
export async function webgpuTrainer(
  device: OnnxDevice,
  step: StepFunction,
  initial: HostTensors,
  frozen: HostTensors,
): Promise<Trainer> {
  const programs = new ProgramCache<CompiledStep>(device.programs)
  const oneAtATime = serially()
  const signatures = { state: signaturesOf(initial), frozen: signaturesOf(frozen) }
  const stateNames = Object.keys(initial)
  const residentFrozen = await upload(device, frozen, 'frozen')
  let state = await upload(device, initial, 'state')

  const compile = async (batch: HostTensors): Promise<CompiledStep> => {
    const { model, outputs } = stepProgram(step, { ...signatures, batch: signaturesOf(batch) }, device.trace)
    const onDevice = stateNames.map((name) => `next.${name}`)
    return { ...(await device.sessions.borrow(model, onDevice)), outputs: Object.keys(outputs) }
  }

  // The program that made the state is the one used last, hence never the one that the cache lets go.
  const replaceState = async (next: Resident) => {
    const former = state
    state = next
    await former.release()
  }

  const runStep = async (batch: HostTensors): Promise<HostTensors> => {
    const { run, outputs } = await programs.get(signatureKey(signaturesOf(batch)), () => compile(batch))
    const results = await run({ ...state.feeds, ...feedsOf(batch, 'batch'), ...residentFrozen.feeds })
    const next = stateNames.map((name) => [`state.${name}`, results[`next.${name}`] as ort.Tensor] as const)
    await replaceState(borrowed(Object.fromEntries(next)))
    return hostResults(results, outputs, 'output')
  }

  return {
    run: (batches) =>
      oneAtATime(async () => {
        const outputs: HostTensors[] = []
        for (const batch of batches) outputs.push(await runStep(batch))
        return outputs
      }),
    state: () => oneAtATime(() => download(device, signatures.state, state.feeds, 'state')),
    restore: (restored) =>
      oneAtATime(
        async () =>
          await replaceState(
            await upload(device, matchingTensors('state tensors', signatures.state, restored), 'state'),
          ),
      ),
    dispose: () =>
      oneAtATime(async () => {
        await replaceState(borrowed({}))
        await residentFrozen.release()
        await programs.clear()
      }),
  }
}
