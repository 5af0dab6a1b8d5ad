/**
 * Kernels that tfjs lacks: what ONNX has as one operator and tfjs would compose of many, and what only a traced program can
 * say. Code runs them through tf.engine().runKernel where the backend offers them (see offers in nn/offered-kernels.ts).
 */
import { elementCount } from '../../../src/family/tensor.js'
import { OnnxFloat } from '../graph-recorder.js'
import type { TracedKernel } from './traced-kernel.js'

/** ln(2/√π): makes exp(LOG_SLOPE_PEAK − u²) the derivative of erf */
const LOG_SLOPE_PEAK = Math.log(2 / Math.sqrt(Math.PI))

/**
 * x [rows, columns], scale and bias [columns] → normalised, scaled and shifted x; mean and inverse deviation [rows, 1],
 * float32.
 */
const layerNorm: TracedKernel = (backend, { x, scale, bias }, { epsilon }) => {
  const half = backend.halves(elementCount(x!.shape))
  const inputs = [x!, scale!, bias!].map((tensor) => backend.fullNative(tensor, half).name)
  const attributes = { axis: -1, epsilon: new OnnxFloat(epsilon), stash_type: 1 }
  const [y, mean, inverse] = backend.graph.nodeWithOutputs('LayerNormalization', inputs, 3, attributes)
  const column = [x!.shape[0]!, 1]
  return [
    backend.symbolic(y!, x!.shape, 'float32', x!.shape, half),
    backend.symbolic(mean!, column, 'float32'),
    backend.symbolic(inverse!, column, 'float32'),
  ]
}

/**
 * The gradients of layerNorm: with e = dy/σ, c = x − µ, and w = scale/columns,
 * dx = e · scale − e w − c · ((e · c) w)/σ²; the row sums are products with the vector w.
 */
const layerNormGrad: TracedKernel = (backend, { dy, x, scale, mean, inverse }) => {
  const { graph } = backend
  const [rows, columns] = x!.shape as [number, number]
  const half = backend.halves(rows * columns)
  const [dyName, xName, scaleName, meanName, inverseName] = [dy!, x!, scale!, mean!, inverse!].map(
    (tensor) => backend.fullNative(tensor, half).name,
  ) as [string, string, string, string, string]
  const node = (opType: string, ...inputs: string[]) => graph.node(opType, inputs)
  const scaleColumn = node('Reshape', scaleName, graph.int64([columns, 1]))
  const rowSum = (name: string) => graph.node('Gemm', [name, scaleColumn], { alpha: new OnnxFloat(1 / columns) })
  const centred = node('Sub', xName, meanName)
  const scaled = node('Mul', dyName, inverseName)
  const product = node('Mul', scaled, centred)
  const pull = node('Mul', node('Mul', rowSum(product), inverseName), inverseName)
  const dx = node('Sub', node('Sub', node('Mul', scaled, scaleName), rowSum(scaled)), node('Mul', centred, pull))
  const columnSum = (name: string) => graph.node('ReduceSum', [name, graph.int64([0])], { keepdims: 0 })
  return [
    backend.symbolic(dx, x!.shape, 'float32', x!.shape, half),
    backend.symbolic(columnSum(product), [columns], 'float32', [columns], half),
    backend.symbolic(columnSum(dyName), [columns], 'float32', [columns], half),
  ]
}

/** x · Φ(x), exact */
const gelu: TracedKernel = (backend, { x }) => {
  const { name, half } = backend.fullNative(x!)
  const value = backend.graph.node('Gelu', [name], {}, 'com.microsoft')
  return backend.symbolic(value, x!.shape, 'float32', x!.shape, half)
}

/** s(x) = erf(u) + u · erf′(u) with u = x/√2, so that gelu′(x) = ½(1 + s(x)) */
const geluSlope: TracedKernel = (backend, { x }) => {
  const { graph } = backend
  const { name, half } = backend.fullNative(x!)
  const number = (value: number) =>
    backend.inPrecision({ name: graph.scalar(value, 'float32'), held: [], half: false }, half).name
  const node = (opType: string, ...inputs: string[]) => graph.node(opType, inputs)
  const u = node('Mul', name, number(Math.SQRT1_2))
  const density = node('Exp', node('Sub', number(LOG_SLOPE_PEAK), node('Mul', u, u)))
  const slope = node('Add', node('Erf', u), node('Mul', u, density))
  return backend.symbolic(slope, x!.shape, 'float32', x!.shape, half)
}

/** softmax(scores + bias) over the last axis: scores [batch, heads, tokens, tokens], bias [batch, 1, 1, tokens] */
const softmaxWithBias: TracedKernel = (backend, { scores, bias }) => {
  const { name, half } = backend.fullNative(scores!)
  const inputs = [name, backend.fullNative(bias!, half).name]
  const value = backend.graph.node('BiasSoftmax', inputs, { axis: 3, is_inner_broadcast: 1 }, 'com.microsoft')
  return backend.symbolic(value, scores!.shape, 'float32', scores!.shape, half)
}

/** Dropout with a mask that the device draws → the result, and the mask (bool: kept) */
const deviceDropout: TracedKernel = (backend, { x }, { rate, seed }) => {
  const { graph } = backend
  const { name, half } = backend.fullNative(x!)
  const inputs = [name, graph.scalar(rate, 'float32'), graph.scalar(1, 'bool')]
  const [y, mask] = graph.nodeWithOutputs('Dropout', inputs, 2, { seed })
  return [backend.symbolic(y!, x!.shape, 'float32', x!.shape, half), backend.symbolic(mask!, x!.shape, 'bool')]
}

/** dropout(x + bias) + residual with a mask that the device draws → the result, and the mask (bool: kept) */
const biasDropout: TracedKernel = (backend, { x, bias, residual }, { rate, seed }) => {
  const { graph } = backend
  const half = backend.native(x!).half
  const operands = [x!, bias!, residual!].map((tensor) => backend.fullNative(tensor, half).name)
  const inputs = [...operands, graph.scalar(rate, 'float32'), graph.scalar(1, 'bool')]
  const [y, mask] = graph.nodeWithOutputs('BiasDropout', inputs, 2, { seed }, 'com.microsoft')
  return [backend.symbolic(y!, x!.shape, 'float32', x!.shape, half), backend.symbolic(mask!, x!.shape, 'bool')]
}

/** The same value, held in float16 from here on where programs hold anything in it */
const halfPrecision: TracedKernel = (backend, { x }) => {
  const half = backend.options.halfFrom !== undefined
  const { name, held } = backend.inPrecision(backend.native(x!), half)
  return backend.symbolic(name, x!.shape, 'float32', held, half)
}

/** The same value, held in float32 from here on */
const fullPrecision: TracedKernel = (backend, { x }) => {
  const { name, held } = backend.operand(x!)
  return backend.symbolic(name, x!.shape, 'float32', held)
}

export const fusedKernels: Readonly<Record<string, TracedKernel>> = {
  LayerNorm: layerNorm,
  LayerNormGrad: layerNormGrad,
  Gelu: gelu,
  GeluSlope: geluSlope,
  SoftmaxWithBias: softmaxWithBias,
  DeviceDropout: deviceDropout,
  BiasDropout: biasDropout,
  HalfPrecision: halfPrecision,
  FullPrecision: fullPrecision,
}
