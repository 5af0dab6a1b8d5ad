import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CheckpointInvalid } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { createRandom } from '../random.js'
import { type PoolingChoice, parseHuggingFaceConfig } from './hugging-face-config.js'
import { type ReadParameters, readMaskedLmHead, readParameters } from './read-parameters.js'
import { openSafetensors, type SafetensorsFile } from './safetensors.js'
import { readTokenizer } from './tokenizer-json.js'

export interface LoadOptions extends PoolingChoice {
  /** classes that the model should have; those of the checkpoint unless told otherwise */
  readonly labels?: number | undefined
  /** decides the values of whatever starts fresh */
  readonly seed: number
  /** read the masked-language-model head too, where there is one; off unless told otherwise */
  readonly maskedLmHead?: boolean | undefined
}

export interface Checkpoint extends ReadParameters {
  readonly folder: string
  readonly config: EncoderConfig
  /** the content of a tokenizer.json: the folder's own, or made from its vocab.txt */
  readonly tokenizerJson: string
  readonly doLowerCase: boolean
  /** in the order of the logits, when the classifier is the checkpoint's and its config names them */
  readonly labelNames: readonly string[] | undefined
  /** the parameters of maskedLmSpecs, when they were asked for and the checkpoint has them all */
  readonly maskedLmHead: HostTensors | undefined
}

/**
 * Reads a Hugging Face BERT or DistilBERT folder: config.json, model.safetensors (or its shards) in fp32, fp16 or bf16, and
 * tokenizer.json or vocab.txt.
 * @throws CheckpointInvalid naming the file or tensor that is missing, cut short or does not fit
 */
export async function loadCheckpoint(folder: string, options: LoadOptions): Promise<Checkpoint> {
  const configFile = join(folder, 'config.json')
  const described = parseHuggingFaceConfig(configFile, await readJson(configFile), options)
  const config = { ...described.config, labels: options.labels ?? described.config.labels }
  const tokenizer = await readTokenizer(folder)
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new CheckpointInvalid(
      folder,
      `its tokenizer has ids up to ${tokenizer.vocabSize - 1}, but its config.json a vocab_size of ${config.vocabSize}`,
    )
  }
  const files = await openWeights(folder)
  try {
    const source = new Map(files.flatMap((file) => [...file.entries.keys()].map((name) => [name, file] as const)))
    const read = await readParameters(folder, source, described.modelType, config, createRandom(options.seed))
    const maskedLmHead = options.maskedLmHead
      ? await readMaskedLmHead(folder, source, described.modelType, config)
      : undefined
    const ownHead = !read.missing.some((name) => name.startsWith('classifier.'))
    return {
      folder,
      config,
      ...read,
      tokenizerJson: tokenizer.json,
      doLowerCase: tokenizer.doLowerCase,
      labelNames: ownHead ? described.labelNames : undefined,
      maskedLmHead,
    }
  } finally {
    await Promise.all(files.map((file) => file.close()))
  }
}

async function openWeights(folder: string): Promise<SafetensorsFile[]> {
  const single = join(folder, 'model.safetensors')
  if (existsSync(single)) return [await openSafetensors(single)]
  const index = join(folder, 'model.safetensors.index.json')
  if (existsSync(index)) return openShards(folder, index)
  if (existsSync(join(folder, 'pytorch_model.bin'))) {
    throw new CheckpointInvalid(
      join(folder, 'pytorch_model.bin'),
      'is a Python pickle, which lextier does not read. Convert it once: python3 -c "from transformers import AutoModel as M; ' +
        `M.from_pretrained('${folder}').save_pretrained('${folder}')" (needs torch and transformers)`,
    )
  }
  throw new CheckpointInvalid(folder, 'has no model.safetensors; put the weights there')
}

async function openShards(folder: string, index: string): Promise<SafetensorsFile[]> {
  const { weight_map: map } = (await readJson(index)) as { weight_map?: Record<string, unknown> }
  const names = [...new Set(Object.values(map ?? {}))]
  if (names.length === 0 || !names.every((name) => typeof name === 'string' && name === basename(name))) {
    throw new CheckpointInvalid(index, 'has no weight_map of file names; download it again')
  }
  const files: SafetensorsFile[] = []
  try {
    for (const name of names) files.push(await openSafetensors(join(folder, name as string)))
  } catch (error) {
    await Promise.all(files.map((file) => file.close()))
    throw error
  }
  return files
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch {
    throw new CheckpointInvalid(file, 'cannot be read; a Hugging Face checkpoint folder has one')
  }
  try {
    const json: unknown = JSON.parse(text)
    if (json !== null && typeof json === 'object' && !Array.isArray(json)) return json as Record<string, unknown>
  } catch {
    // answered below
  }
  throw new CheckpointInvalid(file, 'is not a JSON object; download it again')
}
