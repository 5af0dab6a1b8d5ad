/**
 * The graph of Integrated Gradients beside a tier's model.onnx: plain operators of opset 18, any number of tokens, the same
 * weights.bin. It is traced from the functions that the model is trained with, at a few lengths, of which
 * `dynamic-shapes.ts` makes one graph; a Loop takes the points of the path a few at a time, so that memory stays bounded.
 *
 * Inputs: `input_ids` and `attention_mask` int64 [1, tokens], [CLS] … [SEP] and then padding, if any; `target` int64 [], the
 * label whose logit is explained. Outputs: `attributions` fp32 [1, tokens], in logits; `delta` fp32 [], their sum less the
 * logit's rise over the baseline's.
 */
import { create } from '@bufbuild/protobuf'
import { StringStringEntryProtoSchema } from 'onnx-buf'
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterSpecs } from '../../src/family/parameters.js'
import { decodeModel, encodeModel as encodeProto } from '../../src/onnx/protobuf.js'
import { isMatrix } from '../../src/onnx/stored-weights.js'
import { makeIntegratedGradients } from '../attribution/integrated-gradients.js'
import { chunkSize, DEFAULT_STEPS, integrationPath } from '../attribution/integration-path.js'
import { type DynamicGraph, generalise, type SizedTrace, vectorNodes } from '../engine/dynamic-shapes.js'
import { type Attributes, GraphRecorder, type RecordedNode } from '../engine/graph-recorder.js'
import { elementTypeNumber, encodeModel, type GraphParts, type ValueInfo } from '../engine/onnx-encoding.js'
import { type Signatures, symbols, traceInto } from '../engine/trace.js'
import type { TraceOptions } from '../engine/tracing-backend.js'

export interface ExplainModelOptions {
  /** points of the quadrature; 50 by default */
  readonly steps?: number
}

/** Points of the path that run at once: at 512 tokens BERT-base then needs some 2.5 GB. */
const POINTS_PER_PASS = 4

/**
 * @param model the tier's model.onnx, as `buildPortableModel` makes it: where its weights lie is taken from it
 * @returns contents of explain.onnx, to lie beside it
 * @throws InvalidConfiguration for steps below 1
 */
export function buildExplainModel(
  config: EncoderConfig,
  model: Uint8Array,
  { steps = DEFAULT_STEPS }: ExplainModelOptions = {},
): Uint8Array {
  const path = integrationPath(steps)
  const points = chunkSize(path, POINTS_PER_PASS)
  const passes = path.alphas.length / points
  const body = tracedPass(config, points)

  const outer = new GraphRecorder('explain_')
  const stored = decodeModel(model).graph?.initializer ?? []
  const weights = fp32Weights(config, new Set(stored.map(({ name }) => name)))
  const shape = outer.node('Shape', ['input_ids'])
  const tokens = outer.node('Slice', [shape, outer.int64([1]), outer.int64([2])])
  const accumulated = outer.node('Expand', [
    outer.scalar(0, 'float32'),
    outer.node('Concat', [outer.int64([1]), tokens], { axis: 0 }),
  ])
  const target = outer.node('Reshape', ['target', outer.int64([1])])
  const vectors = vectorNodes(outer, tokens, body.vectors)
  const alphas = outer.constant(path.alphas, [passes, points], 'float32')
  const pathWeights = outer.constant(path.weights, [passes, points], 'float32')
  const trips = outer.constant(BigInt64Array.of(BigInt(passes)), [], 'int64')
  const always = outer.scalar(1, 'bool')

  const int32 = { to: elementTypeNumber('int32') }
  const [attributions, scores] = body.results as [string, string]
  const pass: GraphParts = {
    name: 'pass',
    nodes: [
      node('Gather', [alphas, 'pass_index'], 'batch.alphas', { axis: 0 }),
      node('Gather', [pathWeights, 'pass_index'], 'batch.weights', { axis: 0 }),
      ...body.nodes.map((each) => ({ ...each, inputs: each.inputs.map((name) => weights.names.get(name) ?? name) })),
      node('Add', ['so_far', attributions], 'so_far_next'),
      node('Identity', ['go_on'], 'go_on_next'),
      node('Identity', [scores], 'pass_scores'),
    ],
    constants: [],
    inputs: [info('pass_index', 'int64', []), info('go_on', 'bool', []), info('so_far', 'float32', [1, 'tokens'])],
    outputs: [
      info('go_on_next', 'bool', []),
      info('so_far_next', 'float32', [1, 'tokens']),
      info('pass_scores', 'float32', [points, 1]),
    ],
  }
  const graph: GraphParts = {
    name: 'explain',
    nodes: [
      ...weights.nodes,
      ...outer.nodes,
      ...vectors,
      node('Cast', ['input_ids'], 'batch.inputIds', int32),
      node('Cast', ['attention_mask'], 'batch.attentionMask', int32),
      node('Cast', [target], 'batch.targets', int32),
      {
        opType: 'Loop',
        domain: '',
        inputs: [trips, always, accumulated],
        outputs: ['attributions', 'scores'],
        graphs: { body: pass },
      },
      ...deltaNodes(outer),
    ],
    // the recorder has the constants of deltaNodes by now
    constants: [...outer.constants, ...body.constants],
    inputs: [
      info('input_ids', 'int64', [1, 'tokens']),
      info('attention_mask', 'int64', [1, 'tokens']),
      info('target', 'int64', []),
    ],
    outputs: [info('attributions', 'float32', [1, 'tokens']), info('delta', 'float32', [])],
  }

  const written = decodeModel(encodeModel(graph))
  const used = new Set(weights.nodes.flatMap(({ inputs }) => inputs))
  for (const name of weights.names.values()) used.add(name)
  written.graph!.initializer.push(...stored.filter(({ name }) => used.has(name)))
  // no operator here is ONNX Runtime's own, so that no other runtime need know of them
  written.opsetImport = written.opsetImport.filter(({ domain }) => domain === '')
  written.metadataProps = Object.entries({
    'lextier.encoder': JSON.stringify(config),
    'lextier.steps': `${steps}`,
  }).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }))
  return encodeProto(written)
}

/** Standard operators in fp32: what every runtime has. */
const PLAIN = { batchedMatMul: 'plain', matMulType: 'float32' } as TraceOptions

/** One pass over some points of the path, for any number of tokens. */
function tracedPass(config: EncoderConfig, points: number): DynamicGraph {
  const trace = (tokens: number) => tracePass(config, points, tokens)
  // Below the longest input, where a slice of the position table is the table itself. Sizes that happen to equal another
  // dimension make nodes coincide that are different at other lengths: then other sizes are tried.
  const most = config.maxPositions - 1
  let failure: unknown
  for (let from = most; from > most - 12 && from > 3; from -= 3) {
    try {
      return generalise(trace, [from - 2, from - 1, from])
    } catch (error) {
      failure = error
    }
  }
  throw failure ?? new ShapeMismatch(`explanations need more than ${config.maxPositions} positions`)
}

function tracePass(config: EncoderConfig, points: number, tokens: number): SizedTrace {
  const parameters: Signatures = Object.fromEntries(
    parameterSpecs(config).map(({ name, shape }) => [name, { shape, dtype: 'float32' }]),
  )
  const batch: Signatures = {
    inputIds: { shape: [1, tokens], dtype: 'int32' },
    attentionMask: { shape: [1, tokens], dtype: 'int32' },
    targets: { shape: [1], dtype: 'int32' },
    alphas: { shape: [points], dtype: 'float32' },
    weights: { shape: [points], dtype: 'float32' },
  }
  const graph = new GraphRecorder()
  const infer = makeIntegratedGradients(config)
  const traced = traceInto(graph, PLAIN, (symbol) => ({
    outputs: infer(symbols(symbol, parameters, 'parameter'), symbols(symbol, batch, 'batch')),
  }))
  const results = [traced.outputs.attributions!.value, traced.outputs.scores!.value]
  return { ...graph.prune(results), results }
}

/** The values that stand for `parameter.*` in the traced graph, computed from the stored ones as model.onnx does. */
function fp32Weights(config: EncoderConfig, stored: ReadonlySet<string>) {
  const nodes: RecordedNode[] = []
  const names = new Map<string, string>()
  for (const spec of parameterSpecs(config)) {
    const { name } = spec
    names.set(`parameter.${name}`, name)
    if (!isMatrix(spec)) continue
    const cast = node('Cast', [name], `${name}.fp32`, { to: elementTypeNumber('float32') })
    nodes.push(cast)
    names.set(`parameter.${name}`, cast.outputs[0]!)
    if (!stored.has(`${name}.scale`)) continue
    const scaled = node('Mul', [cast.outputs[0]!, `${name}.scale`], `${name}.dequantised`)
    nodes.push(scaled)
    names.set(`parameter.${name}`, scaled.outputs[0]!)
  }
  return { nodes, names }
}

/** Σ attributions − (the last score − the first): the path ends in the text and begins in the baseline. */
function deltaNodes(graph: GraphRecorder): RecordedNode[] {
  const ends = node('Reshape', ['scores', graph.int64([-1])], 'path_scores')
  const at = (place: number, name: string) =>
    node('Gather', ['path_scores', graph.constant(BigInt64Array.of(BigInt(place)), [], 'int64')], name, { axis: 0 })
  return [
    ends,
    at(0, 'baseline_score'),
    at(-1, 'text_score'),
    node('Sub', ['text_score', 'baseline_score'], 'rise'),
    node('ReduceSum', ['attributions'], 'attribution_sum', { keepdims: 0 }),
    node('Sub', ['attribution_sum', 'rise'], 'delta'),
  ]
}

function node(opType: string, inputs: readonly string[], output: string, attributes: Attributes = {}): RecordedNode {
  return { opType, domain: '', inputs, outputs: [output], attributes }
}

function info(name: string, type: ValueInfo['type'], shape: ValueInfo['shape']): ValueInfo {
  return { name, type, shape }
}
