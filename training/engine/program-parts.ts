/** What every kind of program is put together from. */
import type { GraphRecorder, RecordedNode } from './graph-recorder.js'
import type { GraphParts, ValueInfo } from './onnx-encoding.js'
import type { Signatures, TracedValues } from './trace.js'

export interface NamedResult extends ValueInfo {
  /** the value in the graph that leaves it under this name */
  readonly value: string
}

/** @returns the inputs `prefix.name` */
export function valueInfos(signatures: Signatures, prefix: string): ValueInfo[] {
  return Object.entries(signatures).map(([name, { shape, dtype }]) => ({
    name: `${prefix}.${name}`,
    type: dtype,
    shape,
  }))
}

/** @returns the results `prefix.name` */
export function namedResults(values: TracedValues, prefix: string): NamedResult[] {
  return Object.entries(values).map(([name, { value, shape, dtype }]) => ({
    name: `${prefix}.${name}`,
    type: dtype,
    shape,
    value,
  }))
}

/**
 * Names the results and drops what they do not depend on. The node that computes a result writes it under the result's
 * name; an Identity, which copies, is needed only where one value leaves under several names or straight from an input.
 */
export function finish(name: string, graph: GraphRecorder, inputs: ValueInfo[], results: NamedResult[]): GraphParts {
  const { nodes, constants } = graph.prune(results.map(({ value }) => value))
  const computed = new Set(nodes.flatMap(({ outputs }) => outputs))
  const renamed = new Map<string, string>()
  const identities: RecordedNode[] = []
  for (const result of results) {
    if (computed.has(result.value) && !renamed.has(result.value)) {
      renamed.set(result.value, result.name)
    } else {
      const source = renamed.get(result.value) ?? result.value
      identities.push({ opType: 'Identity', domain: '', inputs: [source], outputs: [result.name], attributes: {} })
    }
  }
  const current = (value: string) => renamed.get(value) ?? value
  const written = nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(current),
    outputs: node.outputs.map(current),
  }))
  return { name, nodes: [...written, ...identities], constants, inputs, outputs: results }
}
