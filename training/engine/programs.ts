/** The ONNX programs that traced functions become: one step, a loop over many steps, and inference. */
import type { HostTensors } from '../../src/family/tensor.js'
import { GraphRecorder, type RecordedConstant, type RecordedNode } from './graph-recorder.js'
import { encodeModel, type GraphParts, type ValueInfo } from './onnx-encoding.js'
import { checkedStep, type Signatures, symbols, type TracedValues, traceInto } from './trace.js'
import type { TraceOptions } from './tracing-backend.js'
import type { InferenceFunction, StepFunction } from './types.js'

/** What a step's shapes are; together with the function they decide the program. */
export interface StepSignature {
  readonly state: Signatures
  readonly batch: Signatures
  readonly frozen: Signatures
}

/**
 * One training step. Inputs: `state.*`, `batch.*`, `frozen.*`. Outputs: `next.*` (the state after the step), `output.*`.
 * @returns the bytes of an ONNX model and the signatures of the step's outputs
 */
export function stepProgram(
  step: StepFunction,
  signature: StepSignature,
  options: TraceOptions,
): { model: Uint8Array; outputs: Signatures } {
  const graph = new GraphRecorder()
  const traced = traceInto(graph, options, (symbol) =>
    checkedStep(step)(
      symbols(symbol, signature.state, 'state'),
      symbols(symbol, signature.batch, 'batch'),
      symbols(symbol, signature.frozen, 'frozen'),
    ),
  )
  const inputs = [
    ...valueInfos(signature.state, 'state'),
    ...valueInfos(signature.batch, 'batch'),
    ...valueInfos(signature.frozen, 'frozen'),
  ]
  const results = [...namedResults(traced.state, 'next'), ...namedResults(traced.outputs, 'output')]
  return { model: encodeModel(finish('step', graph, inputs, results)), outputs: traced.outputs }
}

/**
 * Many training steps in one ONNX `Loop`. Inputs: `steps` (int64 scalar), `state.*`, `batch.*` (each with a leading axis of
 * steps), `frozen.*`, which the loop's body reads from the outer scope. Outputs: `next.*` (the state after the last step)
 * and `output.*` (each with a leading axis of steps). State stays on the device from step to step.
 */
export function loopProgram(
  step: StepFunction,
  signature: StepSignature,
  options: TraceOptions,
): { model: Uint8Array; outputs: Signatures } {
  const graph = new GraphRecorder()
  const traced = traceInto(graph, options, (symbol) => {
    const batch = Object.entries(signature.batch).map(([name, { shape, dtype }]) => {
      const slice = graph.node('Gather', [`batch.${name}`, 'iteration'], { axis: 0 })
      return [name, symbol(slice, shape, dtype)] as const
    })
    return checkedStep(step)(
      symbols(symbol, signature.state, 'current'),
      Object.fromEntries(batch),
      symbols(symbol, signature.frozen, 'frozen'),
    )
  })
  const stateNames = Object.keys(signature.state)
  const outputNames = Object.keys(traced.outputs)
  const scalar = (name: string, type: ValueInfo['type']): ValueInfo => ({ name, type, shape: [] })
  const body = finish(
    'step',
    graph,
    [scalar('iteration', 'int64'), scalar('go_on', 'bool'), ...valueInfos(signature.state, 'current')],
    [
      { name: 'still_go_on', type: 'bool', shape: [], value: 'go_on' },
      // By the order of the inputs: the loop carries values by position.
      ...namedResults(Object.fromEntries(stateNames.map((name) => [name, traced.state[name]!])), 'after'),
      ...namedResults(traced.outputs, 'step_output'),
    ],
  )
  const stacked = (infos: readonly ValueInfo[]) => infos.map((info) => ({ ...info, shape: ['steps', ...info.shape] }))
  const model = encodeModel({
    name: 'train',
    nodes: [
      {
        opType: 'Loop',
        domain: '',
        inputs: ['steps', '', ...stateNames.map((name) => `state.${name}`)],
        outputs: [...stateNames.map((name) => `next.${name}`), ...outputNames.map((name) => `output.${name}`)],
        body,
      },
    ],
    constants: [],
    inputs: [
      scalar('steps', 'int64'),
      ...valueInfos(signature.state, 'state'),
      ...stacked(valueInfos(signature.batch, 'batch')),
      ...valueInfos(signature.frozen, 'frozen'),
    ],
    outputs: [...valueInfos(signature.state, 'next'), ...stacked(valueInfos(traced.outputs, 'output'))],
  })
  return { model, outputs: traced.outputs }
}

/**
 * Inference. Inputs: `batch.*`, and `parameter.*` unless their values are given to be stored in the model. Outputs:
 * `output.*`.
 */
export function inferenceProgram(
  infer: InferenceFunction,
  signature: { parameters: Signatures; batch: Signatures },
  options: TraceOptions,
  stored?: HostTensors,
): { model: Uint8Array; outputs: Signatures } {
  const graph = new GraphRecorder()
  const traced = traceInto(graph, options, (symbol) => ({
    outputs: infer(symbols(symbol, signature.parameters, 'parameter'), symbols(symbol, signature.batch, 'batch')),
  }))
  const inputs = [
    ...valueInfos(signature.batch, 'batch'),
    ...(stored ? [] : valueInfos(signature.parameters, 'parameter')),
  ]
  const parts = finish('infer', graph, inputs, namedResults(traced.outputs, 'output'))
  const constants = [...parts.constants, ...(stored ? storedConstants(stored) : [])]
  return { model: encodeModel({ ...parts, constants }), outputs: traced.outputs }
}

interface NamedResult extends ValueInfo {
  /** the value in the graph that leaves it under this name */
  readonly value: string
}

function valueInfos(signatures: Signatures, prefix: string): ValueInfo[] {
  return Object.entries(signatures).map(([name, { shape, dtype }]) => ({
    name: `${prefix}.${name}`,
    type: dtype,
    shape,
  }))
}

function namedResults(values: TracedValues, prefix: string): NamedResult[] {
  return Object.entries(values).map(([name, { value, shape, dtype }]) => ({
    name: `${prefix}.${name}`,
    type: dtype,
    shape,
    value,
  }))
}

/**
 * Names the results and drops what they do not depend on. The node that computes a result writes it under the result's
 * name; an Identity, which copies, is needed only where one value leaves under several names or straight from an input.
 */
function finish(name: string, graph: GraphRecorder, inputs: ValueInfo[], results: NamedResult[]): GraphParts {
  const { nodes, constants } = graph.prune(results.map(({ value }) => value))
  const computed = new Set(nodes.flatMap(({ outputs }) => outputs))
  const renamed = new Map<string, string>()
  const identities: RecordedNode[] = []
  for (const result of results) {
    if (computed.has(result.value) && !renamed.has(result.value)) {
      renamed.set(result.value, result.name)
    } else {
      const source = renamed.get(result.value) ?? result.value
      identities.push({ opType: 'Identity', domain: '', inputs: [source], outputs: [result.name], attributes: {} })
    }
  }
  const current = (value: string) => renamed.get(value) ?? value
  const written = nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(current),
    outputs: node.outputs.map(current),
  }))
  return { name, nodes: [...written, ...identities], constants, inputs, outputs: results }
}

function storedConstants(tensors: HostTensors): RecordedConstant[] {
  return Object.entries(tensors).map(([name, { shape, values }]) => ({
    name: `parameter.${name}`,
    type: values instanceof Float32Array ? 'float32' : 'int32',
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }))
}
