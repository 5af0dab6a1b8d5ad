/** Activation functions and softmax. */
import type { TensorInfo } from '@tensorflow/tfjs'
import { OnnxFloat } from '../graph-recorder.js'
import type { TracingBackend } from '../tracing-backend.js'
import type { KernelAttributes, TracedKernel } from './traced-kernel.js'
import { castTo } from './unary.js'

type Activation = (backend: TracingBackend, x: TensorInfo, attributes: KernelAttributes) => TensorInfo

const activation =
  (opType: string, attributes: (given: KernelAttributes) => Record<string, OnnxFloat> = () => ({})): Activation =>
  (backend, x, given) => {
    const { name, held } = backend.operand(castTo(backend, x, 'float32'))
    return backend.symbolic(backend.graph.node(opType, [name], attributes(given)), x.shape, 'float32', held)
  }

// tfjs' constants for Selu (Klambauer et al. 2017).
const SELU_SCALE_ALPHA = { alpha: new OnnxFloat(1.6732632423543772), gamma: new OnnxFloat(1.0507009873554805) }

const relu: Activation = (backend, x) => {
  const type = x.dtype === 'int32' ? 'int32' : 'float32'
  const { name, held, half } = backend.native(castTo(backend, x, type))
  return backend.symbolic(backend.graph.node('Relu', [name]), x.shape, type, held, half)
}

const relu6: Activation = (backend, x) => {
  const { graph } = backend
  const { name, held } = backend.operand(castTo(backend, x, 'float32'))
  const clipped = graph.node('Clip', [name, graph.scalar(0, 'float32'), graph.scalar(6, 'float32')])
  return backend.symbolic(clipped, x.shape, 'float32', held)
}

/** Activations by the names that tfjs' fused operations use. */
export const activations: Readonly<Record<string, Activation>> = {
  linear: (_backend, x) => x,
  relu,
  relu6,
  elu: activation('Elu'),
  sigmoid: activation('Sigmoid'),
  leakyrelu: activation('LeakyRelu', ({ alpha }) => ({ alpha: new OnnxFloat(alpha) })),
}

const kernelOf =
  (apply: Activation): TracedKernel =>
  (backend, { x }, attributes) =>
    apply(backend, x!, attributes)

export const activationKernels: Readonly<Record<string, TracedKernel>> = {
  Relu: kernelOf(relu),
  Relu6: kernelOf(relu6),
  Elu: kernelOf(activation('Elu')),
  Selu: kernelOf(activation('Selu', () => SELU_SCALE_ALPHA)),
  Sigmoid: kernelOf(activation('Sigmoid')),
  Softplus: kernelOf(activation('Softplus')),
  LeakyRelu: kernelOf(activations.leakyrelu!),
  Softmax: (backend, { logits }, { dim }) => {
    const rank = logits!.shape.length
    const axis = dim < 0 ? dim + rank : dim
    const { name, half } = backend.fullNative(castTo(backend, logits!, 'float32'))
    const shares = backend.graph.node('Softmax', [name], { axis })
    return backend.symbolic(shares, logits!.shape, 'float32', logits!.shape, half)
  },
}
