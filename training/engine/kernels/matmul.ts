/** Matrix products: two-dimensional ones become Gemm, batched ones FusedMatMul (or Transpose and MatMul). */
import type { TensorInfo } from '@tensorflow/tfjs'
import { KernelUnsupported } from '../../../src/errors.js'
import { elementCount } from '../../../src/family/tensor.js'
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

/** Whether a product is computed in float16: where it or an operand is large. The operands then are cast to it. */
function isHalf(backend: TracingBackend, { a, b }: Product, elements: number): boolean {
  return [elements, elementCount(a.shape), elementCount(b.shape)].some((count) => backend.halves(count))
}

function operands(backend: TracingBackend, { a, b }: Product, half: boolean): [string, string] {
  return [backend.fullNative(a, half).name, backend.fullNative(b, half).name]
}

/** @returns the product as a tensor; a small one computed in float16 (logits say) is float32 again at once */
function result(backend: TracingBackend, name: string, shape: readonly number[], half: boolean): TensorInfo {
  const product = { name, held: shape, half }
  const kept = half && !backend.halves(elementCount(shape)) ? backend.inPrecision(product, false) : product
  return backend.symbolic(kept.name, shape, 'float32', shape, kept.half)
}

function gemm(backend: TracingBackend, product: Product, shape: readonly number[]): TensorInfo {
  if (backend.options.transposeRightApart && product.transposeB) {
    return gemm(backend, { ...product, b: swapped(backend, product.b), transposeB: false }, shape)
  }
  const half = isHalf(backend, product, elementCount(shape))
  const attributes = { transA: product.transposeA ? 1 : 0, transB: product.transposeB ? 1 : 0 }
  return result(backend, backend.graph.node('Gemm', operands(backend, product, half), attributes), shape, half)
}

function swappedShape(shape: readonly number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!]
}

function swapped(backend: TracingBackend, x: TensorInfo): TensorInfo {
  const rank = x.shape.length
  const perm = x.shape.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis))
  return transposed(backend, x, perm)
}

function batched(backend: TracingBackend, product: Product, shape: readonly number[]): TensorInfo {
  const { graph, options } = backend
  const { a, b, transposeA, transposeB } = product
  const half = isHalf(backend, product, elementCount(shape))
  if (options.batchedMatMul === 'fused') {
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 }
    const name = graph.node('FusedMatMul', operands(backend, product, half), attributes, 'com.microsoft')
    return result(backend, name, shape, half)
  }
  if (transposeA && !transposeB && elementCount(a.shape) > elementCount(b.shape) + elementCount(shape)) {
    // aᵀ b = (bᵀ a)ᵀ: the two small ones are transposed in place of the large one
    const other = { a: swapped(backend, b), b: a, transposeA: false, transposeB: false }
    return swapped(backend, batched(backend, other, swappedShape(shape)))
  }
  const plain = { ...product, a: transposeA ? swapped(backend, a) : a, b: transposeB ? swapped(backend, b) : b }
  return result(backend, graph.node('MatMul', operands(backend, plain, half)), shape, half)
}

/** @returns a · b over the last two axes, leading axes broadcast */
function matMul(backend: TracingBackend, product: Product): TensorInfo {
  const { a, b, transposeA, transposeB } = product
  const rows = a.shape.at(transposeA ? -1 : -2)!
  const columns = b.shape.at(transposeB ? -2 : -1)!
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const shape = [...batch, rows, columns]
  if (elementCount(shape) === 0) throw new KernelUnsupported('BatchMatMul of an empty tensor')
  if (batch.length === 0) return gemm(backend, product, shape)
  if (elementCount(b.shape.slice(0, -2)) === 1 && !transposeA) {
    // One right operand for the whole batch: the batch is more rows of one product.
    const inner = a.shape.at(-1)!
    const flatA = reshaped(backend, a, [elementCount(a.shape) / inner, inner])
    const flatB = reshaped(backend, b, b.shape.slice(-2))
    const flat = gemm(backend, { ...product, a: flatA, b: flatB }, [elementCount(shape) / columns, columns])
    return reshaped(backend, flat, shape)
  }
  if (elementCount(batch) === 1) {
    const flatA = reshaped(backend, a, a.shape.slice(-2))
    const flatB = reshaped(backend, b, b.shape.slice(-2))
    const flat = gemm(backend, { ...product, a: flatA, b: flatB }, [rows, columns])
    return reshaped(backend, flat, shape)
  }
  return batched(backend, product, shape)
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
