/** Traces tfjs functions: runs them once on symbolic tensors and gathers the names of what they return. */
import type { Tensor } from '@tensorflow/tfjs'
import { KernelUnsupported, ShapeMismatch } from '../../src/errors.js'
import type { GraphRecorder } from './graph-recorder.js'
import { installTracingBackend } from './kernels/registry.js'
import { elementTypeNumber } from './onnx-encoding.js'
import { tf } from './tfjs.js'
import {
  asTensor,
  TRACING_BACKEND,
  type TracedType,
  type TraceOptions,
  tracedType,
  withBackend,
} from './tracing-backend.js'
import type { StepFunction, Tensors } from './types.js'

/** A tensor as a program knows it: no values. */
export interface TensorSignature {
  readonly shape: readonly number[]
  readonly dtype: 'float32' | 'int32'
}

export type Signatures = Readonly<Record<string, TensorSignature>>

/** A value that a trace returned. */
export interface TracedValue extends TensorSignature {
  /** its name in the graph */
  readonly value: string
}

export type TracedValues = Readonly<Record<string, TracedValue>>

/** Makes the symbolic tensor that stands for a named value of the graph. */
export type SymbolFactory = (value: string, shape: readonly number[], dtype: TracedType) => Tensor

/**
 * Traces a function whose results come in groups, e.g. a step's state and outputs. Tensors made on the way are disposed.
 * @throws KernelUnsupported for a tfjs kernel that has no ONNX form here
 */
export function traceInto<G extends Record<string, Tensors>>(
  graph: GraphRecorder,
  options: TraceOptions,
  body: (symbol: SymbolFactory) => G,
): Record<keyof G, TracedValues> {
  const backend = installTracingBackend()
  const symbol: SymbolFactory = (value, shape, dtype) => asTensor(backend.symbolic(value, shape, dtype))
  const record = () => {
    const groups = Object.entries(body(symbol)).map(([group, tensors]) => {
      const values = Object.entries(tensors).map(([name, tensor]) => {
        // Bools leave a program as int32: host tensors have no third type.
        const dtype: 'float32' | 'int32' = tracedType(tensor.dtype) === 'float32' ? 'float32' : 'int32'
        const full = backend.full(tensor)
        const value = tensor.dtype === 'bool' ? graph.node('Cast', [full], { to: elementTypeNumber('int32') }) : full
        return [name, { value, shape: tensor.shape, dtype } as TracedValue] as const
      })
      return [group, Object.fromEntries(values)] as const
    })
    return Object.fromEntries(groups) as Record<keyof G, TracedValues>
  }
  return withBackend(TRACING_BACKEND, () =>
    backend.recordInto(graph, options, () => {
      tf.engine().startScope('trace')
      try {
        return record()
      } catch (error) {
        throw namingTheKernel(error)
      } finally {
        tf.engine().endScope()
      }
    }),
  )
}

// A kernel that not even tfjs' CPU backend has is refused by tfjs itself.
function namingTheKernel(error: unknown): unknown {
  const kernel = error instanceof Error ? /Kernel '(\w+)' not registered/.exec(error.message)?.[1] : undefined
  return kernel ? new KernelUnsupported(kernel) : error
}

/** @returns symbolic tensors, the values of which are named `prefix.name` */
export function symbols(symbol: SymbolFactory, signatures: Signatures, prefix: string): Tensors {
  return Object.fromEntries(
    Object.entries(signatures).map(([name, { shape, dtype }]) => [name, symbol(`${prefix}.${name}`, shape, dtype)]),
  )
}

/**
 * Calls the step and checks that the state keeps its names, shapes and types.
 * @throws ShapeMismatch naming the tensor that does not
 */
export function checkedStep(step: StepFunction): StepFunction {
  return (state, batch, frozen) => {
    const result = step(state, batch, frozen)
    for (const [name, before] of Object.entries(state)) {
      const after = result.state[name]
      if (!after) throw new ShapeMismatch(`the step returned no state "${name}"; it must return all that it was given`)
      if (after.dtype !== before.dtype || after.shape.join() !== before.shape.join()) {
        throw new ShapeMismatch(
          `the step turned state "${name}" from ${before.dtype} [${before.shape}] into ${after.dtype} [${after.shape}]; ` +
            'shapes and types of the state must stay the same',
        )
      }
    }
    for (const name of Object.keys(result.state)) {
      if (!(name in state)) throw new ShapeMismatch(`the step returned a state "${name}" that it was not given`)
    }
    return result
  }
}
