import { join } from 'node:path'
import { ShapeMismatch } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { parameterSpecs } from '../../src/family/parameters.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { writeWhole } from '../write-whole.js'
import { formatHuggingFaceConfig } from './hugging-face-config.js'
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

/**
 * Writes a checkpoint folder that loadCheckpoint and transformers read: config.json, model.safetensors (fp32), tokenizer.json.
 * transformers computes the same logits where the head is its own (BERT: cls and tanh; DistilBERT, which is written for
 * configs without token types: cls and relu); lextier does always.
 * @throws ShapeMismatch when a parameter is missing or has another shape than the config says
 */
export async function saveCheckpoint(folder: string, model: SavedModel): Promise<void> {
  const { config, parameters, tokenizerJson, labelNames } = model
  const modelType = config.typeVocabSize === 0 ? 'distilbert' : 'bert'
  const tensors: HostTensors = {}
  for (const { name, shape, kind } of parameterSpecs(config)) {
    const tensor = parameters[name]
    if (tensor?.shape.join() !== shape.join()) {
      throw new ShapeMismatch(
        `parameter "${name}" should be [${shape}] and is ${tensor ? `[${tensor.shape}]` : 'missing'}`,
      )
    }
    tensors[huggingFaceName(name, modelType)] =
      kind === 'kernel' ? { shape: shape.toReversed(), values: transpose(tensor) } : tensor
  }
  const json = JSON.stringify(formatHuggingFaceConfig(config, labelNames), null, 2)
  const tokenizerConfig = {
    tokenizer_class: modelType === 'bert' ? 'BertTokenizer' : 'DistilBertTokenizer',
    do_lower_case: JSON.parse(tokenizerJson).normalizer?.lowercase === true,
    model_max_length: config.maxPositions,
  }
  await writeWhole(join(folder, 'model.safetensors'), encodeSafetensors(tensors, { format: 'pt' }))
  await writeWhole(join(folder, 'tokenizer.json'), tokenizerJson)
  await writeWhole(join(folder, 'tokenizer_config.json'), `${JSON.stringify(tokenizerConfig, null, 2)}\n`)
  await writeWhole(join(folder, 'config.json'), `${json}\n`)
}
