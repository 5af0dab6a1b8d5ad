import { CheckpointInvalid } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { type ParameterSpec, parameterSpecs } from '../../src/family/parameters.js'
import type { HostTensor, HostTensors } from '../../src/family/tensor.js'
import { initialParameter } from '../nn/initialise.js'
import { maskedLmSpecs } from '../nn/masked-lm-head.js'
import type { Random } from '../random.js'
import type { ModelType } from './hugging-face-config.js'
import { candidateNames, isIgnored } from './parameter-names.js'
import type { SafetensorsFile } from './safetensors.js'

export interface ReadParameters {
  readonly parameters: HostTensors
  /** parameters that the checkpoint does not hold and that start fresh */
  readonly missing: readonly string[]
  /** tensors of the checkpoint that no parameter was read from, pre-training heads aside */
  readonly unexpected: readonly string[]
}

/** Where the tensors of a checkpoint are: one file, or shards. */
export type TensorSource = ReadonlyMap<string, SafetensorsFile>

/**
 * Reads an encoder's parameters. The classifier is taken only when its label count matches, the pooler only when it is
 * there: both start fresh otherwise. Everything else must be in the checkpoint.
 * @throws CheckpointInvalid when an embedding or encoder layer is missing, of another shape, or not finite
 */
export async function readParameters(
  folder: string,
  source: TensorSource,
  modelType: ModelType,
  config: EncoderConfig,
  random: Random,
): Promise<ReadParameters> {
  const parameters: HostTensors = {}
  const missing: string[] = []
  const used = new Set<string>()
  for (const spec of parameterSpecs(config)) {
    const name = candidateNames(spec.name, modelType).find((candidate) => source.has(candidate))
    if (name !== undefined && fits(folder, source, name, spec)) {
      used.add(name)
      parameters[spec.name] = await readParameter(folder, source, name, spec)
    } else if (isHead(spec.name)) {
      missing.push(spec.name)
      parameters[spec.name] = initialParameter(spec, random)
    } else {
      const known = candidateNames(spec.name, modelType).join(' or ')
      throw new CheckpointInvalid(folder, `has no tensor ${known}, which its config.json calls for`)
    }
  }
  const unexpected = [...source.keys()].filter((name) => !used.has(name) && !isIgnored(name))
  return { parameters, missing, unexpected }
}

/**
 * @returns the parameters of maskedLmSpecs; undefined when the checkpoint lacks one of them
 * @throws CheckpointInvalid when one is of another shape, or not finite
 */
export async function readMaskedLmHead(
  folder: string,
  source: TensorSource,
  modelType: ModelType,
  config: EncoderConfig,
): Promise<HostTensors | undefined> {
  const head: HostTensors = {}
  for (const spec of maskedLmSpecs(config)) {
    const name = candidateNames(spec.name, modelType).find((candidate) => source.has(candidate))
    if (name === undefined || !fits(folder, source, name, spec)) return undefined
    head[spec.name] = await readParameter(folder, source, name, spec)
  }
  return head
}

async function readParameter(
  folder: string,
  source: TensorSource,
  name: string,
  spec: ParameterSpec,
): Promise<HostTensor> {
  const tensor = await source.get(name)!.read(name)
  if (!tensor.values.every(Number.isFinite)) {
    throw new CheckpointInvalid(folder, `tensor "${name}" holds values that are not finite numbers`)
  }
  return orient(spec, tensor)
}

function isHead(name: string): boolean {
  return name.startsWith('classifier.') || name.startsWith('pooler.')
}

/** @returns whether the tensor can be taken; false only for a classifier of another label count */
function fits(folder: string, source: TensorSource, name: string, { name: parameter, shape, kind }: ParameterSpec) {
  const stored = source.get(name)!.entries.get(name)!.shape
  const expected = kind === 'kernel' ? shape.toReversed() : shape
  if (stored.join() === expected.join()) return true
  if (parameter.startsWith('classifier.') && stored.slice(1).join() === expected.slice(1).join()) return false
  throw new CheckpointInvalid(folder, `tensor "${name}" is [${stored}], but its config.json calls for [${expected}]`)
}

/** Hugging Face stores kernels [out, in], lextier [in, out]. */
function orient({ shape, kind }: ParameterSpec, tensor: HostTensor): HostTensor {
  return { shape, values: kind === 'kernel' ? transpose(tensor) : tensor.values }
}

/** @param matrix [rows, columns] @returns its values as [columns, rows] */
export function transpose({ shape, values }: HostTensor): Float32Array {
  const [rows, columns] = shape as [number, number]
  const result = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!
  }
  return result
}
