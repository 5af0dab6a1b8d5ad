/** The ONNX programs of a single call: one training step, and inference. */
import type { HostTensors } from '../../src/family/tensor.js'
import { GraphRecorder, type RecordedConstant } from './graph-recorder.js'
import { encodeModel } from './onnx-encoding.js'
import { finish, namedResults, valueInfos } from './program-parts.js'
import { checkedStep, type Signatures, symbols, traceInto } from './trace.js'
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

function storedConstants(tensors: HostTensors): RecordedConstant[] {
  return Object.entries(tensors).map(([name, { shape, values }]) => ({
    name: `parameter.${name}`,
    type: values instanceof Float32Array ? 'float32' : 'int32',
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }))
}
