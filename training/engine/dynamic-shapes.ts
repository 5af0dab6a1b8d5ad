/**
 * Makes one graph for every size out of traces at a few. A trace has fixed shapes, yet what differs between two traces at
 * different sizes is only the int64 vectors in which ONNX takes shapes, bounds and pads, and each of their elements is
 * offset + slope · size. Two traces give both numbers; a third, at a size that had no part in that, must agree.
 */
import { ShapeMismatch } from '../../src/errors.js'
import type { GraphRecorder, RecordedConstant, RecordedNode } from './graph-recorder.js'

/** A trace at one size, pruned. */
export interface SizedTrace {
  readonly nodes: readonly RecordedNode[]
  readonly constants: readonly RecordedConstant[]
  /** the values that leave the graph */
  readonly results: readonly string[]
}

/** An int64 vector of which element i is offsets[i] + slopes[i] · size. */
export interface SizedVector {
  readonly offsets: readonly number[]
  readonly slopes: readonly number[]
}

export interface DynamicGraph extends SizedTrace {
  /** values that the nodes take and somebody has to compute, by name */
  readonly vectors: ReadonlyMap<string, SizedVector>
}

/**
 * @param trace must be the same function of shapes at every size
 * @param sizes three different ones, ascending
 * @throws ShapeMismatch when the traces differ in more than int64 vectors, or in those otherwise than linearly
 */
export function generalise(
  trace: (size: number) => SizedTrace,
  sizes: readonly [number, number, number],
): DynamicGraph {
  const traces = sizes.map((size) => readable(trace(size)))
  const [first] = traces as [ReadableTrace]
  const differs = (what: string) =>
    new ShapeMismatch(`the traces at sizes ${sizes.join(', ')} cannot be made one graph: they differ in ${what}`)
  const sameEverywhere = (what: string, of: (trace: ReadableTrace) => unknown) => {
    const [expected, ...others] = traces.map((each) => JSON.stringify(of(each)))
    if (others.some((other) => other !== expected)) throw differs(what)
  }
  sameEverywhere('the number of nodes', ({ nodes }) => nodes.length)
  sameEverywhere('what they return', (each) => each.results.map((result) => place(each, result)))

  const vectors = new Map<string, SizedVector>()
  const used = new Set<string>()
  const nodes = first.nodes.map((node, i) => {
    sameEverywhere(`node ${i} (${node.opType})`, (each) => signature(each, i))
    const inputs = node.inputs.map((input, position) => {
      const constants = traces.map((each) => each.constants.get(each.nodes[i]!.inputs[position]!))
      const [constant] = constants
      if (!constant || constants.every((other) => sameBytes(constant, other!))) {
        used.add(input)
        return input
      }
      const vector = constants.every((each) => each!.type === 'int64' && sameShape(each!, constant))
        ? linearFit(
            constants.map((each) => int64Values(each!)),
            sizes,
          )
        : undefined
      if (!vector) throw differs(`input ${position} of node ${i} (${node.opType}), otherwise than linearly`)
      const name = `sized_${vector.offsets.join('_')}_plus_${vector.slopes.join('_')}`.replaceAll('-', 'm')
      vectors.set(name, vector)
      return name
    })
    return { ...node, inputs }
  })
  const constants = [...first.constants.values()].filter(({ name }) => used.has(name))
  return { nodes, constants, results: first.results, vectors }
}

/** Computes the vectors, under their names. @param size the name of an int64 [1] */
export function vectorNodes(
  graph: GraphRecorder,
  size: string,
  vectors: ReadonlyMap<string, SizedVector>,
): RecordedNode[] {
  return [...vectors].map(([name, { offsets, slopes }]) => {
    const scaled = graph.node('Mul', [graph.int64(slopes), size])
    return { opType: 'Add', domain: '', inputs: [graph.int64(offsets), scaled], outputs: [name], attributes: {} }
  })
}

interface ReadableTrace {
  readonly nodes: readonly RecordedNode[]
  readonly results: readonly string[]
  readonly constants: ReadonlyMap<string, RecordedConstant>
  /** node and output by value */
  readonly producers: ReadonlyMap<string, string>
}

function readable({ nodes, constants, results }: SizedTrace): ReadableTrace {
  const outputs = nodes.flatMap((node, i) => node.outputs.map((name, output) => [name, `${i}.${output}`] as const))
  return {
    nodes,
    results,
    constants: new Map(constants.map((constant) => [constant.name, constant])),
    producers: new Map(outputs),
  }
}

/** What a node is, whatever its trace happened to call things; of constants only that they are some. */
function signature(trace: ReadableTrace, index: number): unknown {
  const { opType, domain, inputs, outputs, attributes } = trace.nodes[index]!
  return [opType, domain, outputs.length, Object.entries(attributes), inputs.map((input) => place(trace, input))]
}

/** Where a value comes from: a node's output, a constant, or the graph's input of that name. */
function place({ producers, constants }: ReadableTrace, value: string): string {
  const produced = producers.get(value)
  if (produced !== undefined) return `node ${produced}`
  return constants.has(value) ? 'constant' : `input ${value}`
}

function linearFit(values: readonly number[][], [a, b, c]: readonly [number, number, number]): SizedVector | undefined {
  const [atA, atB, atC] = values as [number[], number[], number[]]
  const slopes = atA.map((value, i) => (atB[i]! - value) / (b - a))
  const offsets = atA.map((value, i) => value - slopes[i]! * a)
  const agrees = slopes.every((slope, i) => Number.isInteger(slope) && offsets[i]! + slope * c === atC[i])
  return agrees ? { offsets, slopes } : undefined
}

function int64Values({ bytes }: RecordedConstant): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)))
}

function sameShape(a: RecordedConstant, b: RecordedConstant): boolean {
  return a.shape.join() === b.shape.join()
}

function sameBytes(a: RecordedConstant, b: RecordedConstant): boolean {
  return a.type === b.type && sameShape(a, b) && Buffer.compare(a.bytes, b.bytes) === 0
}
