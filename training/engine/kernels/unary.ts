/** Elementwise kernels of one tensor. They keep a broadcast operand narrow. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { elementTypeNumber } from '../onnx-encoding.js'
import { type TracedType, type TracingBackend, tracedType } from '../tracing-backend.js'
import type { TracedKernel } from './traced-kernel.js'

/** Builds the value of an elementwise result from the name of its operand. */
type Formula = (backend: TracingBackend, name: string) => string

const operator =
  (opType: string): Formula =>
  ({ graph }, name) =>
    graph.node(opType, [name])

/** @returns the tensor as another type, still narrow */
export function castTo(backend: TracingBackend, x: TensorInfo, dtype: TracedType): TensorInfo {
  if (x.dtype === dtype) return x
  const { name, held } = backend.operand(x)
  const cast = backend.graph.node('Cast', [name], { to: elementTypeNumber(dtype) })
  return backend.symbolic(cast, x.shape, dtype, held)
}

function mapped(backend: TracingBackend, x: TensorInfo, formula: Formula, dtype = tracedType(x.dtype)): TensorInfo {
  const { name, held } = backend.operand(x)
  return backend.symbolic(formula(backend, name), x.shape, dtype, held)
}

/** For formulas that float16 is precise enough for: what is held in it stays so. */
function mappedAsHeld(backend: TracingBackend, x: TensorInfo, formula: Formula): TensorInfo {
  const { name, held, half } = backend.native(x)
  return backend.symbolic(formula(backend, name), x.shape, tracedType(x.dtype), held, half)
}

/** Defined on real numbers only; other types are cast first, as tfjs does. */
const real =
  (formula: Formula, map: typeof mappedAsHeld = mapped): TracedKernel =>
  (backend, { x }) =>
    map(backend, castTo(backend, x!, 'float32'), formula)

const numeric =
  (formula: Formula, map: typeof mappedAsHeld = mapped): TracedKernel =>
  (backend, { x }) =>
    x!.dtype === 'bool'
      ? castTo(backend, map(backend, castTo(backend, x!, 'int32'), formula), 'bool')
      : map(backend, x!, formula)

/** Integers are already whole. */
const rounding =
  (opType: string): TracedKernel =>
  (backend, { x }) =>
    x!.dtype === 'float32' ? mapped(backend, x!, operator(opType)) : alias(backend, x!)

const predicate =
  (formula: Formula): TracedKernel =>
  (backend, { x }) =>
    mapped(backend, castTo(backend, x!, 'float32'), formula, 'bool')

/** @returns a tensor with a data id of its own and the same value */
export function alias(backend: TracingBackend, x: TensorInfo): TensorInfo {
  const { name, held, half } = backend.native(x)
  return backend.symbolic(name, x.shape, tracedType(x.dtype), held, half)
}

export const unaryKernels: Readonly<Record<string, TracedKernel>> = {
  Identity: (backend, { x }) => alias(backend, x!),
  Cast: (backend, { x }, { dtype }) => {
    const type = tracedType(dtype)
    return x!.dtype === type ? alias(backend, x!) : castTo(backend, x!, type)
  },
  Neg: numeric(operator('Neg'), mappedAsHeld),
  Abs: numeric(operator('Abs')),
  Sign: numeric(operator('Sign')),
  Square: numeric(({ graph }, x) => graph.node('Mul', [x, x]), mappedAsHeld),
  Exp: real(operator('Exp')),
  Expm1: real(({ graph }, x) => graph.node('Sub', [graph.node('Exp', [x]), graph.scalar(1, 'float32')])),
  Log: real(operator('Log')),
  Log1p: real(({ graph }, x) => graph.node('Log', [graph.node('Add', [x, graph.scalar(1, 'float32')])])),
  Sqrt: real(operator('Sqrt')),
  Rsqrt: real(({ graph }, x) => graph.node('Reciprocal', [graph.node('Sqrt', [x])])),
  Reciprocal: real(operator('Reciprocal')),
  Sin: real(operator('Sin')),
  Cos: real(operator('Cos')),
  Tanh: real(operator('Tanh'), mappedAsHeld),
  Erf: real(operator('Erf'), mappedAsHeld),
  Floor: rounding('Floor'),
  Ceil: rounding('Ceil'),
  // Both round halves to even.
  Round: rounding('Round'),
  IsNan: predicate(operator('IsNaN')),
  IsInf: predicate(operator('IsInf')),
  IsFinite: predicate(({ graph }, x) =>
    graph.node('Not', [graph.node('Or', [graph.node('IsNaN', [x]), graph.node('IsInf', [x])])]),
  ),
  LogicalNot: (backend, { x }) => mapped(backend, castTo(backend, x!, 'bool'), operator('Not'), 'bool'),
  ClipByValue: (backend, { x }, { clipValueMin, clipValueMax }) => {
    const type = x!.dtype === 'int32' ? 'int32' : 'float32'
    return mapped(backend, castTo(backend, x!, type), ({ graph }, name) =>
      graph.node('Clip', [name, graph.scalar(clipValueMin, type), graph.scalar(clipValueMax, type)]),
    )
  },
  Step: (backend, { x }, { alpha }) =>
    mapped(backend, castTo(backend, x!, 'float32'), ({ graph }, name) => {
      const positive = graph.node('Greater', [name, graph.scalar(0, 'float32')])
      const step = graph.node('Where', [positive, graph.scalar(1, 'float32'), graph.scalar(alpha ?? 0, 'float32')])
      return graph.node('Where', [graph.node('IsNaN', [name]), name, step])
    }),
}
