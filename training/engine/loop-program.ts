/**
 * Many training steps in one ONNX `Loop`; the state stays on the device from step to step, in the form that the step holds it in.
 *
 *     state ──▶ hold ─┐
 *     steps, batches ─┴▶ Loop ─┬─ one shape: the step
 *                              └─ several: If shape_of[i] = 0 then step of shape 0 else If … ──▶ release ──▶ state, outputs
 */
import { GraphRecorder, type RecordedNode } from './graph-recorder.js'
import { encodeModel, type GraphParts, type SubgraphNode, type ValueInfo } from './onnx-encoding.js'
import { finish, namedResults, valueInfos } from './program-parts.js'
import { checkedStep, type Signatures, symbols, traceInto } from './trace.js'
import type { TraceOptions } from './tracing-backend.js'
import type { HeldState, StepFunction } from './types.js'

export interface LoopSignature {
  readonly state: Signatures
  /** the shapes that batches come in; at least one */
  readonly batches: readonly Signatures[]
  readonly frozen: Signatures
}

export interface LoopProgram {
  readonly model: Uint8Array
  readonly outputs: Signatures
}

interface Branch {
  readonly graph: GraphParts
  readonly outputs: Signatures
}

/**
 * Inputs: `steps` (int64 scalar), `state.*`, `frozen.*`, and for shape s `batch<s>.*` with a leading axis of that shape's
 * batches. Of several shapes also `shape_of` and `row_of` (int64 [steps]): which shape step i has, and which of its batches
 * it takes. Outputs: `next.*`, the state after the last step, and `output.*`, each with a leading axis of steps.
 * @returns undefined when the step's outputs differ between the shapes, so that they cannot be stacked
 */
export function loopProgram(
  step: StepFunction,
  signature: LoopSignature,
  options: TraceOptions,
): LoopProgram | undefined {
  const held = holdState(step, signature.state, options)
  const inside = { ...signature, state: held.signatures }
  const branches = signature.batches.map((_, shape) => traceBranch(held.step, inside, shape, options))
  const [first] = branches as [Branch]
  if (branches.some(({ outputs }) => !sameSignatures(outputs, first.outputs))) return undefined
  const several = branches.length > 1
  const state = Object.keys(held.signatures)
  const results = [
    ...state.map((name) => `${held.after}.${name}`),
    ...Object.keys(first.outputs).map((name) => `output.${name}`),
  ]
  const choices = several ? ['shape_of', 'row_of'] : []
  const model = encodeModel({
    name: 'train',
    nodes: [
      ...(held.hold?.nodes ?? []),
      {
        opType: 'Loop',
        domain: '',
        inputs: ['steps', '', ...state.map((name) => `${held.before}.${name}`)],
        outputs: results,
        graphs: { body: loopBody(inside, branches) },
      },
      ...(held.release?.nodes ?? []),
    ],
    constants: [...(held.hold?.constants ?? []), ...(held.release?.constants ?? [])],
    inputs: [
      scalar('steps', 'int64'),
      ...choices.map((name): ValueInfo => ({ name, type: 'int64', shape: ['steps'] })),
      ...valueInfos(signature.state, 'state'),
      ...signature.batches.flatMap((batch, shape) => stacked(valueInfos(batch, `batch${shape}`), `rows${shape}`)),
      ...valueInfos(signature.frozen, 'frozen'),
    ],
    outputs: [...valueInfos(signature.state, 'next'), ...stacked(valueInfos(first.outputs, 'output'), 'steps')],
  })
  return { model, outputs: first.outputs }
}

/** How a loop carries the state. */
interface Held {
  readonly step: StepFunction
  readonly signatures: Signatures
  /** prefix of the values that enter the loop, and of those that leave it */
  readonly before: string
  readonly after: string
  /** from `state.*` to `before.*` */
  readonly hold?: GraphParts
  /** from `after.*` to `next.*` */
  readonly release?: GraphParts
}

function holdState(step: StepFunction, signatures: Signatures, options: TraceOptions): Held {
  if (!step.hold) return { step, signatures, before: 'state', after: 'next' }
  const graph = new GraphRecorder('hold_')
  let held: HeldState | undefined
  const { state } = traceInto(graph, options, (symbol) => {
    held = step.hold!(symbols(symbol, signatures, 'state'))
    return { state: held.state }
  })
  const { step: heldStep, release } = held!
  const releasing = new GraphRecorder('release_')
  const released = traceInto(releasing, options, (symbol) => ({ state: release(symbols(symbol, state, 'after')) }))
  const next = Object.fromEntries(Object.keys(signatures).map((name) => [name, released.state[name]!]))
  return {
    step: heldStep,
    signatures: state,
    before: 'held',
    after: 'after',
    hold: finish('hold', graph, [], namedResults(state, 'held')),
    release: finish('release', releasing, [], namedResults(next, 'next')),
  }
}

/** The step for one shape, as a graph without inputs: it reads `current.*`, `row`, `batch<s>.*` and `frozen.*` from outside. */
function traceBranch(step: StepFunction, signature: LoopSignature, shape: number, options: TraceOptions): Branch {
  const graph = new GraphRecorder(`shape${shape}_`)
  const traced = traceInto(graph, options, (symbol) => {
    const batch = Object.entries(signature.batches[shape]!).map(([name, { shape: dimensions, dtype }]) => {
      const slice = graph.node('Gather', [`batch${shape}.${name}`, 'row'], { axis: 0 })
      return [name, symbol(slice, dimensions, dtype)] as const
    })
    return checkedStep(step)(
      symbols(symbol, signature.state, 'current'),
      Object.fromEntries(batch),
      symbols(symbol, signature.frozen, 'frozen'),
    )
  })
  // In the order of the state that went in: loops carry values by position.
  const next = Object.fromEntries(Object.keys(signature.state).map((name) => [name, traced.state[name]!]))
  const results = [
    ...namedResults(next, `shape${shape}_after`),
    ...namedResults(traced.outputs, `shape${shape}_output`),
  ]
  return { graph: finish(`shape${shape}`, graph, [], results), outputs: traced.outputs }
}

function loopBody(signature: LoopSignature, branches: readonly Branch[]): GraphParts {
  const inputs = [scalar('iteration', 'int64'), scalar('go_on', 'bool'), ...valueInfos(signature.state, 'current')]
  const goOn = node('Identity', ['go_on'], 'still_go_on')
  const steps =
    branches.length === 1
      ? { ...branches[0]!.graph, nodes: [node('Identity', ['iteration'], 'row'), ...branches[0]!.graph.nodes] }
      : choice(branches, 0)
  const lookups = [node('Gather', ['shape_of', 'iteration'], 'shape'), node('Gather', ['row_of', 'iteration'], 'row')]
  return {
    name: 'step',
    nodes: [goOn, ...(branches.length === 1 ? [] : lookups), ...steps.nodes],
    constants: steps.constants,
    inputs,
    outputs: [scalar('still_go_on', 'bool'), ...steps.outputs],
  }
}

/** @returns a graph that runs the step of the shape at hand, which is `from` or later */
function choice(branches: readonly Branch[], from: number): GraphParts {
  const { graph } = branches[from]!
  if (from === branches.length - 1) return graph
  const outputs = graph.outputs.map((info) => ({ ...info, name: `chosen_${info.name}` }))
  const number: GraphParts['constants'][number] = {
    name: `number_of_shape${from}`,
    type: 'int64',
    shape: [],
    bytes: new Uint8Array(BigInt64Array.of(BigInt(from)).buffer),
  }
  const choose: SubgraphNode = {
    opType: 'If',
    domain: '',
    inputs: [`is_shape${from}`],
    outputs: outputs.map(({ name }) => name),
    graphs: { then_branch: graph, else_branch: choice(branches, from + 1) },
  }
  return {
    name: `from_shape${from}`,
    nodes: [node('Equal', ['shape', number.name], `is_shape${from}`), choose],
    constants: [number],
    inputs: [],
    outputs,
  }
}

function node(opType: string, inputs: readonly string[], output: string): RecordedNode {
  return { opType, domain: '', inputs, outputs: [output], attributes: {} }
}

function scalar(name: string, type: ValueInfo['type']): ValueInfo {
  return { name, type, shape: [] }
}

function stacked(infos: readonly ValueInfo[], axis: string): ValueInfo[] {
  return infos.map((info) => ({ ...info, shape: [axis, ...info.shape] }))
}

function sameSignatures(a: Signatures, b: Signatures): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => a[name]!.dtype === b[name]?.dtype && a[name]!.shape.join() === b[name]!.shape.join())
  )
}
