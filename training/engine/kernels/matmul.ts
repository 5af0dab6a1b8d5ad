/** Matrix products: two-dimensional ones become Gemm, batched ones FusedMatMul (or Transpose and MatMul). */
import type { TensorInfo } from '@tensorflow/tfjs'
import { KernelUnsupported } from '../../../src/errors.js'
import { elementCount } from '../../../src/family/tensor.js'
import { elementTypeNumber } from '../onnx-encoding.js'
import type { TracingBackend } from '../tracing-backend.js'
import { activations } from './activation.js'
import { binaryKernels, broadcast } from './binary.js'
import { reshaped, transposed } from './shape.js'
import type { TracedKernel } from './traced-kernel.js'
import { castTo } from './unary.js'

interface Product {
  readonly a: TensorInfo
  readonly b: TensorInfo
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** Casts around a product where products are computed in half precision. */
function inMatMulType(backend: TracingBackend, operands: readonly string[], product: (names: string[]) => string) {
  const { graph, options } = backend
  if (options.matMulType === 'float32') return product([...operands])
  const to = elementTypeNumber(options.matMulType)
  const result = product(operands.map((name) => graph.node('Cast', [name], { to })))
  return graph.node('Cast', [result], { to: elementTypeNumber('float32') })
}

function gemm(backend: TracingBackend, { a, b, transposeA, transposeB }: Product): string {
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 }
  return inMatMulType(backend, [backend.full(a), backend.full(b)], (names) =>
    backend.graph.node('Gemm', names, attributes),
  )
}

function swapped(backend: TracingBackend, x: TensorInfo): TensorInfo {
  const rank = x.shape.length
  const perm = x.shape.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis))
  return transposed(backend, x, perm)
}

function batched(backend: TracingBackend, { a, b, transposeA, transposeB }: Product): string {
  const { graph, options } = backend
  if (options.batchedMatMul === 'fused') {
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 }
    return inMatMulType(backend, [backend.full(a), backend.full(b)], (names) =>
      graph.node('FusedMatMul', names, attributes, 'com.microsoft'),
    )
  }
  const left = transposeA ? swapped(backend, a) : a
  const right = transposeB ? swapped(backend, b) : b
  return inMatMulType(backend, [backend.full(left), backend.full(right)], (names) => graph.node('MatMul', names))
}

/** @returns a · b over the last two axes, leading axes broadcast */
function matMul(backend: TracingBackend, product: Product): TensorInfo {
  const { a, b, transposeA, transposeB } = product
  const rows = a.shape.at(transposeA ? -1 : -2)!
  const columns = b.shape.at(transposeB ? -2 : -1)!
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const shape = [...batch, rows, columns]
  if (elementCount(shape) === 0) throw new KernelUnsupported('BatchMatMul of an empty tensor')
  if (batch.length === 0) return backend.symbolic(gemm(backend, product), shape, 'float32')
  if (elementCount(b.shape.slice(0, -2)) === 1 && !transposeA) {
    // One right operand for the whole batch: the batch is more rows of one product.
    const inner = a.shape.at(-1)!
    const flatA = reshaped(backend, a, [elementCount(a.shape) / inner, inner])
    const flatB = reshaped(backend, b, b.shape.slice(-2))
    const flat = gemm(backend, { ...product, a: flatA, b: flatB })
    const flatShape = [elementCount(shape) / columns, columns]
    return reshaped(backend, backend.symbolic(flat, flatShape, 'float32'), shape)
  }
  if (elementCount(batch) === 1) {
    const flatA = reshaped(backend, a, a.shape.slice(-2))
    const flatB = reshaped(backend, b, b.shape.slice(-2))
    const flat = gemm(backend, { ...product, a: flatA, b: flatB })
    return reshaped(backend, backend.symbolic(flat, [rows, columns], 'float32'), shape)
  }
  return backend.symbolic(batched(backend, product), shape, 'float32')
}

const batchMatMul: TracedKernel = (backend, { a, b }, { transposeA, transposeB }) => {
  const type = a!.dtype === 'float32' || b!.dtype === 'float32' ? 'float32' : 'int32'
  const product = matMul(backend, {
    a: castTo(backend, a!, 'float32'),
    b: castTo(backend, b!, 'float32'),
    transposeA: transposeA ?? false,
    transposeB: transposeB ?? false,
  })
  return castTo(backend, product, type)
}

export const matMulKernels: Readonly<Record<string, TracedKernel>> = {
  BatchMatMul: batchMatMul,
  _FusedMatMul: (backend, inputs, attributes) => {
    const { a, b, bias } = inputs
    const apply = activations[attributes.activation ?? 'linear']
    if (!apply) throw new KernelUnsupported(`_FusedMatMul with activation ${attributes.activation}`)
    const product = batchMatMul(backend, { a: a!, b: b! }, attributes) as TensorInfo
    const sum = bias ? (binaryKernels.Add!(backend, { a: product, b: bias }, {}) as TensorInfo) : product
    return apply(backend, sum, { alpha: attributes.leakyreluAlpha })
  },
}
