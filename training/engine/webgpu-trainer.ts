/**
 * Trains by programs of one step. The state stays in GPU buffers between steps, in the form that the step holds it in: an ONNX
 * `Loop` would copy it to the CPU and back at every one of them on this provider. Two sets of buffers take turns, so that no
 * step allocates the state anew:
 *
 *     host ── hold ──▶ current ── step ──▶ spare, then spare ── step ──▶ current, …
 *     host ◀─ release ── current
 */
import type * as ort from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { signatureKey, signaturesOf } from './batch-runs.js'
import { matchingTensors } from './matching-tensors.js'
import { feedsOf, hostResults, type OnnxDevice, type Program } from './onnx-device.js'
import { ProgramCache } from './program-cache.js'
import { stepProgram } from './programs.js'
import { serially } from './serial.js'
import type { HeldState, StepFunction, Trainer } from './types.js'
import { conversionProgram, download, overwrite, upload } from './webgpu-buffers.js'

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
  let form: HeldState | undefined
  const hold = conversionProgram(signatures.state, device.trace, (state) => {
    form = step.hold?.(state) ?? { state, step, release: (held) => held }
    return form.state
  })
  const heldStep = form!.step
  const release = conversionProgram(hold.outputs, device.trace, form!.release)
  const heldNames = Object.keys(hold.outputs)
  const residentFrozen = await upload(device, frozen, 'frozen')
  let current = await upload(device, initial, 'state', hold)
  let spare = await upload(device, initial, 'state', hold)

  const takeTurns = () => {
    ;[current, spare] = [spare, current]
  }

  const compile = async (batch: HostTensors): Promise<CompiledStep> => {
    const inside = { state: hold.outputs, frozen: signatures.frozen, batch: signaturesOf(batch) }
    const { model, outputs } = stepProgram(heldStep, inside, device.trace)
    return { ...(await device.sessions.borrow(model)), outputs: Object.keys(outputs) }
  }

  const runStep = async (batch: HostTensors): Promise<HostTensors> => {
    const { run, outputs } = await programs.get(signatureKey(signaturesOf(batch)), () => compile(batch))
    const into: Record<string, ort.Tensor | null> = {}
    for (const name of heldNames) into[`next.${name}`] = spare.feeds[`state.${name}`]!
    for (const name of outputs) into[`output.${name}`] = null
    const results = await run({ ...current.feeds, ...feedsOf(batch, 'batch'), ...residentFrozen.feeds }, into)
    takeTurns()
    return hostResults(results, outputs, 'output')
  }

  return {
    run: (batches) =>
      oneAtATime(async () => {
        const outputs: HostTensors[] = []
        for (const batch of batches) outputs.push(await runStep(batch))
        return outputs
      }),
    state: () => oneAtATime(() => download(device, release, current.feeds, 'state')),
    restore: (restored) =>
      oneAtATime(async () => {
        await overwrite(device, spare, matchingTensors('state tensors', signatures.state, restored), 'state', hold)
        takeTurns()
      }),
    dispose: () =>
      oneAtATime(async () => {
        await current.release()
        await spare.release()
        await residentFrozen.release()
        await programs.clear()
      }),
  }
}
