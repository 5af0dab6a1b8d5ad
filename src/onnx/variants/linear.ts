/** How a variant computes `x · kernel` for the real tokens of a batch; biases are added by the fused operators that follow. */
import { elementCount, type HostTensors } from '../../family/tensor.js'
import { toFloat16 } from '../float16.js'
import type { GraphBuilder } from '../graph-builder.js'
import { quantise } from '../int8.js'
import { DataType, inlineTensor } from '../protobuf.js'

export type LinearArithmetic = 'fp32' | 'fp16' | 'int8'

export interface LinearLayers {
  /** @param rows [rows, in]; what kernels that share them need is computed once */
  prepare(rows: string): LinearInput
}

export interface LinearInput {
  /** @param kernel name of a parameter, [in, out] @returns [rows, out], without bias */
  times(kernel: string): string
}

export function linearLayers(graph: GraphBuilder, weights: HostTensors, arithmetic: LinearArithmetic): LinearLayers {
  return arithmetic === 'int8' ? int8Layers(graph, weights) : floatLayers(graph, weights, arithmetic)
}

function floatLayers(graph: GraphBuilder, weights: HostTensors, element: 'fp32' | 'fp16'): LinearLayers {
  return {
    prepare: (rows) => ({
      times: (name) => {
        const { values, inputs, outputs } = kernelOf(weights, name)
        const tensor =
          element === 'fp16'
            ? inlineTensor(name, DataType.FLOAT16, [inputs, outputs], toFloat16(values))
            : inlineTensor(name, DataType.FLOAT, [inputs, outputs], values)
        return graph.node('MatMul', [rows, graph.initializer(tensor)])
      },
    }),
  }
}

/**
 * Levels of a row reach from 1 to 127, where a byte would hold twice as many: x86 processors without VNNI add the products
 * of two levels in 16 bits and clip what is beyond (255 · 127 · 2), which makes a row of large values very wrong. Half of the
 * resolution is the price of products that are exact, hence the same, on every processor.
 */
const LARGEST = 63
/** of the unsigned levels: ONNX Runtime's quickest products are of unsigned rows and signed kernels */
const ZERO_POINT = 64
/** keeps a row of zeros from being divided by zero */
const SMALLEST_SCALE = 1e-20

/**
 * Rows are quantised as they come, each by its own largest magnitude: with one scale for all of them, as
 * DynamicQuantizeLinear has it, a text's answer would depend on which others it is batched with. Kernels have a scale a
 * column: what weights.bin stores as int8 is used as it is.
 */
function int8Layers(graph: GraphBuilder, weights: HostTensors): LinearLayers {
  const zeroPoint = graph.initializer(inlineTensor('zero_point', DataType.UINT8, [], Uint8Array.of(ZERO_POINT)))
  const unit = graph.scalar(1)
  return {
    prepare: (rows) => {
      const largest = graph.node('ReduceMax', [graph.node('Abs', [rows])], {
        attributes: { axes: { ints: [1] }, keepdims: { int: 1 } },
      })
      const step = graph.node('Mul', [largest, graph.scalar(1 / LARGEST)])
      const scale = graph.node('Max', [step, graph.scalar(SMALLEST_SCALE)]) // [rows, 1]
      const levels = graph.node('QuantizeLinear', [graph.node('Div', [rows, scale]), unit, zeroPoint])
      return {
        times: (name) => {
          const { values, inputs, outputs } = kernelOf(weights, name)
          const quantised = quantise(values, inputs, outputs, 'column')
          const kernel = inlineTensor(name, DataType.INT8, [inputs, outputs], quantised.values)
          const scales = inlineTensor(`${name}.scale`, DataType.FLOAT, [outputs], quantised.scales)
          const operands = [levels, graph.initializer(kernel), unit, graph.initializer(scales), zeroPoint]
          const product = graph.node('MatMulIntegerToFloat', operands, { domain: 'com.microsoft' })
          return graph.node('Mul', [product, scale])
        },
      }
    },
  }
}

function kernelOf(weights: HostTensors, name: string) {
  const { shape, values } = weights[name] ?? { shape: [], values: undefined }
  const [inputs = 0, outputs = 0] = shape
  if (!(values instanceof Float32Array) || values.length !== elementCount(shape)) {
    throw new Error(`the encoder has no kernel "${name}"`)
  }
  return { values, inputs, outputs }
}
