/** Trains by programs of many steps: state goes into a run, stays on the device from step to step, and comes out after it. */
import { Tensor } from 'onnxruntime-node'
import type { HostTensors } from '../../src/family/tensor.js'
import { copyOf, cutIntoRuns, groupByShape, signatureKey, signaturesOf, stack, unstack } from './batch-runs.js'
import { loopProgram } from './loop-program.js'
import { matchingTensors } from './matching-tensors.js'
import { feedsOf, hostResults, type OnnxDevice, type Program } from './onnx-device.js'
import { ProgramCache } from './program-cache.js'
import { serially } from './serial.js'
import type { Signatures } from './trace.js'
import type { StepFunction, Trainer } from './types.js'

interface CompiledLoop extends Program {
  /** the shapes that batches may have */
  readonly shapes: readonly Signatures[]
  readonly outputs: readonly string[]
}

/** Shapes in one program; each takes some thousand nodes. */
const MIXED_SHAPES = 12

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
  // The program for several shapes. A shape that it lacks replaces it by one that has them all.
  let mixed: CompiledLoop | undefined
  let mixable = device.runLimits.mixShapes

  /** @returns undefined when the outputs of the shapes differ */
  const compile = async (shapes: readonly Signatures[]): Promise<CompiledLoop | undefined> => {
    const program = loopProgram(step, { ...signatures, batches: shapes }, device.trace)
    if (!program) return undefined
    return { ...(await device.sessions.borrow(program.model)), shapes, outputs: Object.keys(program.outputs) }
  }

  const single = (shape: Signatures): Promise<CompiledLoop> =>
    programs.get(signatureKey(shape), async () => (await compile([shape]))!)

  /** @returns undefined when these shapes cannot share a program */
  const several = async (run: readonly HostTensors[]): Promise<CompiledLoop | undefined> => {
    const known = mixed?.shapes ?? []
    const needed = groupByShape(run, known).groups.map((group) => group.signatures)
    if (mixed && needed.length === known.length) return mixed
    const shapes = needed.length <= MIXED_SHAPES ? needed : groupByShape(run).groups.map((group) => group.signatures)
    if (shapes.length > MIXED_SHAPES) return undefined
    await mixed?.release()
    mixed = undefined
    // From here on the mixed program runs single shapes too.
    await programs.clear()
    // in an order that does not depend on the batches', so that another fit finds the program again
    mixed = await compile(shapes.toSorted((a, b) => (signatureKey(a) < signatureKey(b) ? -1 : 1)))
    mixable = mixed !== undefined
    return mixed
  }

  const runLoop = async (
    { run, shapes, outputs }: CompiledLoop,
    batches: readonly HostTensors[],
  ): Promise<HostTensors[]> => {
    const { groups, shapeOf, rowOf } = groupByShape(batches, shapes)
    const stacks = groups.map((group, shape) => feedsOf(stack(group), `batch${shape}`))
    const indices = (values: readonly number[]) =>
      new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length])
    const results = await run({
      steps: new Tensor('int64', BigInt64Array.of(BigInt(batches.length)), []),
      ...(shapes.length > 1 ? { shape_of: indices(shapeOf), row_of: indices(rowOf) } : {}),
      ...feedsOf(state, 'state'),
      ...Object.assign({}, ...stacks),
      ...frozenFeeds,
    })
    state = await hostResults(results, stateNames, 'next')
    return unstack(await hostResults(results, outputs, 'output'), batches.length)
  }

  const runAll = async (batches: readonly HostTensors[]): Promise<HostTensors[]> => {
    const results: HostTensors[] = []
    for (const run of cutIntoRuns(batches, { ...device.runLimits, mixShapes: mixable })) {
      const shapes = groupByShape(run).groups
      const program = shapes.length === 1 && !mixed ? await single(shapes[0]!.signatures) : await several(run)
      if (program) {
        results.push(...(await runLoop(program, run)))
        continue
      }
      for (const part of cutIntoRuns(run, { ...device.runLimits, mixShapes: false })) {
        results.push(...(await runLoop(await single(signaturesOf(part[0]!)), part)))
      }
    }
    return results
  }

  return {
    run: (batches) => oneAtATime(() => runAll(batches)),
    state: () => oneAtATime(async () => copyOf(state)),
    restore: (restored) =>
      oneAtATime(async () => {
        state = copyOf(matchingTensors('state tensors', signatures.state, restored))
      }),
    dispose: () =>
      oneAtATime(async () => {
        await mixed?.release()
        mixed = undefined
        await programs.clear()
      }),
  }
}
