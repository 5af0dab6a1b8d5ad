/** PackedMultiHeadAttention is CUDA's alone. This puts what ONNX Runtime's schema says of it in its place, for the CPU. */
import { GraphBuilder } from '../../src/onnx/graph-builder.js'
import { DataType, decodeModel, encodeModel } from '../../src/onnx/protobuf.js'

const MICROSOFT = { domain: 'com.microsoft' }

/**
 * Rows stand at the place of the padded batch that `token_offset` names, zeros everywhere else; keys beyond a text's length
 * count for nothing; the rows of the answer are taken from the same places.
 * @param model whose attention takes queries, keys and values as one, [rows, heads, 3, headSize]
 */
export function unpackAttention(model: Uint8Array): Uint8Array {
  const decoded = decodeModel(model)
  const graph = decoded.graph!
  const builder = new GraphBuilder()
  const nodes = graph.node.map((node, index) => {
    if (node.opType !== 'PackedMultiHeadAttention') return [node]
    const [joined = '', , , bias = '', offset = '', lengths = ''] = node.input
    const own = new GraphBuilder()
    const named = (name: string) => `unpacked.${index}.${name}`
    const int64 = (values: number[]) => builder.int64(values)
    const toInt = (type: DataType) => ({ attributes: { to: { int: type } } })
    const projections = [0, 1, 2].map((which) => {
      const heads = own.node('Gather', [joined, builder.int64(which)], {
        attributes: { axis: { int: 2 } },
        output: named(`heads${which}`),
      })
      return own.node('Reshape', [heads, int64([0, -1])], { output: named(`projection${which}`) })
    })
    const [query = ''] = projections
    const tokens = own.node('Gather', [own.node('Shape', [query], { output: named('s') }), int64([0])], {
      output: named('tokens'),
    })
    const flat = own.node('Reshape', [offset, int64([-1])], { output: named('flat') })
    const wide = own.node('Cast', [flat], { ...toInt(DataType.INT64), output: named('wide') })
    const places = own.node('Slice', [wide, int64([0]), tokens], { output: named('places') })
    const columns = own.node('Unsqueeze', [places, int64([1])], { output: named('columns') })
    const size = own.node('Shape', [flat], { output: named('size') })
    const width = own.node('Gather', [own.node('Shape', [query], { output: named('s2') }), int64([1])], {
      output: named('width'),
    })
    const whole = own.node('Concat', [size, width], { attributes: { axis: { int: 0 } }, output: named('whole') })
    const shape = own.node('Shape', [offset], { output: named('batch') })
    const cube = own.node('Concat', [shape, width], { attributes: { axis: { int: 0 } }, output: named('cube') })
    const padded = projections.map((rows, i) => {
      const zero = own.node('Sub', [rows, rows], { output: named(`zero${i}`) })
      const one = own.node('ReduceMax', [zero], { attributes: { keepdims: { int: 0 } }, output: named(`one${i}`) })
      const ground = own.node('Expand', [one, whole], { output: named(`ground${i}`) })
      const placed = own.node('ScatterND', [ground, columns, rows], { output: named(`placed${i}`) })
      return own.node('Reshape', [placed, cube], { output: named(`padded${i}`) })
    })
    const ends = own.node('Slice', [lengths, int64([1]), int64([2 ** 31 - 1])], { output: named('ends') })
    const starts = own.node('Slice', [lengths, int64([0]), int64([-1])], { output: named('starts') })
    const keyLengths = own.node('Sub', [ends, starts], { output: named('lengths') })
    const heads = Number(node.attribute.find(({ name }) => name === 'num_heads')!.i)
    const mixed = own.node('MultiHeadAttention', [...padded, bias, keyLengths], {
      ...MICROSOFT,
      attributes: { num_heads: { int: heads } },
      output: named('mixed'),
    })
    const rows = own.node('Reshape', [mixed, whole], { output: named('rows') })
    own.node('Gather', [rows, places], { output: node.output[0]! })
    return own.build('', { opset: 17 }).graph!.node
  })
  graph.node = nodes.flat()
  graph.initializer.push(...builder.build('', { opset: 17 }).graph!.initializer)
  return encodeModel(decoded)
}
