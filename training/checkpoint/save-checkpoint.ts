import { join } from 'node:path'
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { type ParameterSpec, parameterSpecs } from '../../src/family/parameters.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { maskedLmSpecs } from '../nn/masked-lm-head.js'
import { writeWhole } from '../write-whole.js'
import { formatHuggingFaceConfig, type ModelType } from './hugging-face-config.js'
import { huggingFaceName } from './parameter-names.js'
import { transpose } from './read-parameters.js'
import { encodeSafetensors } from './safetensors.js'

export interface SavedModel {
  readonly config: EncoderConfig
  readonly parameters: HostTensors
  /** the content of tokenizer.json */
  readonly tokenizerJson: string
  /** in the order of the logits */
  readonly labelNames?: readonly string[] | undefined
}

/** An encoder that was trained on unlabelled text: it has no classifier or pooler yet, whoever loads it starts them fresh. */
export interface SavedEncoder extends Omit<SavedModel, 'labelNames'> {
  /** the parameters of maskedLmSpecs, where it was trained as a masked language model */
  readonly maskedLmHead?: HostTensors | undefined
}

/**
 * Writes a checkpoint folder that loadCheckpoint and transformers read: config.json, model.safetensors (fp32), tokenizer.json.
 * transformers computes the same logits where the head is its own (BERT: cls and tanh; DistilBERT, which is written for
 * configs without token types: cls and relu); lextier does always.
 * @throws ShapeMismatch when a parameter is missing or has another shape than the config says
 */
export async function saveCheckpoint(folder: string, model: SavedModel): Promise<void> {
  const { config, parameters, labelNames } = model
  const modelType = modelTypeOf(config)
  const tensors = huggingFaceTensors(parameterSpecs(config), parameters, modelType)
  await writeFolder(folder, model, tensors, formatHuggingFaceConfig(config, labelNames))
}

/**
 * The same folder without classifier and pooler: a base to fine-tune. With a masked-language-model head, transformers reads
 * it as BertForMaskedLM or DistilBertForMaskedLM.
 * @throws ShapeMismatch when a parameter is missing or has another shape than the config says
 */
export async function saveEncoder(folder: string, model: SavedEncoder): Promise<void> {
  const { config, parameters, maskedLmHead } = model
  const modelType = modelTypeOf(config)
  const encoder = parameterSpecs(config).filter(({ name }) => !/^(classifier|pooler)\./.test(name))
  const tensors = {
    ...huggingFaceTensors(encoder, parameters, modelType),
    ...(maskedLmHead && huggingFaceTensors(maskedLmSpecs(config), maskedLmHead, modelType)),
  }
  const kind = maskedLmHead ? 'ForMaskedLM' : 'Model'
  const architecture = `${modelType === 'bert' ? 'Bert' : 'DistilBert'}${kind}`
  await writeFolder(folder, model, tensors, {
    ...formatHuggingFaceConfig(config, undefined),
    architectures: [architecture],
  })
}

function modelTypeOf({ typeVocabSize }: EncoderConfig): ModelType {
  return typeVocabSize === 0 ? 'distilbert' : 'bert'
}

function huggingFaceTensors(
  specs: readonly ParameterSpec[],
  parameters: HostTensors,
  modelType: ModelType,
): HostTensors {
  const tensors: HostTensors = {}
  for (const { name, shape, kind } of specs) {
    const tensor = parameters[name]
    if (tensor?.shape.join() !== shape.join()) {
      throw new ShapeMismatch(
        `parameter "${name}" should be [${shape}] and is ${tensor ? `[${tensor.shape}]` : 'missing'}`,
      )
    }
    tensors[huggingFaceName(name, modelType)] =
      kind === 'kernel' ? { shape: shape.toReversed(), values: transpose(tensor) } : tensor
  }
  return tensors
}

async function writeFolder(
  folder: string,
  { config, tokenizerJson }: Pick<SavedModel, 'config' | 'tokenizerJson'>,
  tensors: HostTensors,
  huggingFaceConfig: object,
): Promise<void> {
  const tokenizerConfig = {
    tokenizer_class: modelTypeOf(config) === 'bert' ? 'BertTokenizer' : 'DistilBertTokenizer',
    do_lower_case: JSON.parse(tokenizerJson).normalizer?.lowercase === true,
    model_max_length: config.maxPositions,
  }
  await writeWhole(join(folder, 'model.safetensors'), encodeSafetensors(tensors, { format: 'pt' }))
  await writeWhole(join(folder, 'tokenizer.json'), tokenizerJson)
  await writeWhole(join(folder, 'tokenizer_config.json'), `${JSON.stringify(tokenizerConfig, null, 2)}\n`)
  await writeWhole(join(folder, 'config.json'), `${JSON.stringify(huggingFaceConfig, null, 2)}\n`)
}
