import { CheckpointInvalid } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'

/** Checkpoint families that differ in their parameters' names. */
export type ModelType = 'bert' | 'distilbert'

/** Choices that a Hugging Face config does not know; lextier keeps its own under `lextier` in config.json. */
export interface PoolingChoice {
  readonly pooling?: EncoderConfig['pooling'] | undefined
  readonly pooler?: EncoderConfig['pooler'] | undefined
}

export interface DescribedCheckpoint {
  readonly modelType: ModelType
  readonly config: EncoderConfig
  /** `id2label` in the order of the logits; undefined where it is absent or says no more than LABEL_0, LABEL_1 … */
  readonly labelNames: readonly string[] | undefined
}

type Json = Readonly<Record<string, unknown>>

const ACTIVATIONS: Readonly<Record<string, EncoderConfig['activation']>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  relu: 'relu',
}

/**
 * Reads a config.json of BERT or DistilBERT.
 * @param file its path, for errors
 * @throws CheckpointInvalid when a size is missing or the model is one that the encoder does not compute
 */
export function parseHuggingFaceConfig(file: string, json: Json, choice: PoolingChoice = {}): DescribedCheckpoint {
  const modelType = json.model_type ?? ('dim' in json ? 'distilbert' : 'bert')
  if (modelType !== 'bert' && modelType !== 'distilbert') {
    throw new CheckpointInvalid(file, `model_type is "${modelType}"; lextier reads bert and distilbert checkpoints`)
  }
  refuseVariants(file, json)
  const distilbert = modelType === 'distilbert'
  const size = (bert: string, distil = bert) => positiveInteger(file, json, distilbert ? distil : bert)
  const own = (json.lextier ?? {}) as PoolingChoice
  const config: EncoderConfig = {
    vocabSize: size('vocab_size'),
    hiddenSize: size('hidden_size', 'dim'),
    layers: size('num_hidden_layers', 'n_layers'),
    heads: size('num_attention_heads', 'n_heads'),
    intermediateSize: size('intermediate_size', 'hidden_dim'),
    maxPositions: size('max_position_embeddings'),
    typeVocabSize: distilbert ? 0 : json.type_vocab_size === undefined ? 2 : size('type_vocab_size'),
    layerNormEpsilon: typeof json.layer_norm_eps === 'number' && !distilbert ? json.layer_norm_eps : 1e-12,
    padTokenId: typeof json.pad_token_id === 'number' ? json.pad_token_id : 0,
    activation: parseActivation(file, json[distilbert ? 'activation' : 'hidden_act'] ?? 'gelu'),
    pooling: choice.pooling ?? own.pooling ?? 'cls',
    pooler: choice.pooler ?? own.pooler ?? (distilbert ? 'relu' : 'tanh'),
    labels: labelCount(json),
  }
  if (config.hiddenSize % config.heads !== 0) {
    throw new CheckpointInvalid(file, `${config.heads} heads do not divide a hidden size of ${config.hiddenSize}`)
  }
  return { modelType, config, labelNames: labelNames(json, config.labels) }
}

/** The config.json that transformers and lextier read back. DistilBERT's form is the one without token types. */
export function formatHuggingFaceConfig(config: EncoderConfig, labels: readonly string[] | undefined): Json {
  const names = labels ?? Array.from({ length: config.labels }, (_, index) => `LABEL_${index}`)
  const distilbert = config.typeVocabSize === 0
  const common = {
    vocab_size: config.vocabSize,
    max_position_embeddings: config.maxPositions,
    pad_token_id: config.padTokenId,
    id2label: Object.fromEntries(names.map((name, index) => [index, name])),
    label2id: Object.fromEntries(names.map((name, index) => [name, index])),
    lextier: { pooling: config.pooling, pooler: config.pooler },
  }
  if (distilbert) {
    return {
      model_type: 'distilbert',
      architectures: ['DistilBertForSequenceClassification'],
      ...common,
      dim: config.hiddenSize,
      n_layers: config.layers,
      n_heads: config.heads,
      hidden_dim: config.intermediateSize,
      activation: config.activation,
    }
  }
  return {
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    ...common,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediateSize,
    hidden_act: config.activation,
    type_vocab_size: config.typeVocabSize,
    layer_norm_eps: config.layerNormEpsilon,
  }
}

function refuseVariants(file: string, json: Json): void {
  const positions = json.position_embedding_type ?? 'absolute'
  if (positions !== 'absolute') {
    throw new CheckpointInvalid(file, `position_embedding_type "${positions}" is not computed; only "absolute" is`)
  }
  for (const key of ['is_decoder', 'add_cross_attention']) {
    if (json[key] === true) throw new CheckpointInvalid(file, `${key} is set; only encoders are read`)
  }
}

function positiveInteger(file: string, json: Json, key: string): number {
  const value = json[key]
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  throw new CheckpointInvalid(file, `"${key}" should be a positive integer and is ${JSON.stringify(value)}`)
}

function parseActivation(file: string, name: unknown): EncoderConfig['activation'] {
  const known = ACTIVATIONS[String(name)]
  if (known !== undefined) return known
  throw new CheckpointInvalid(file, `activation "${name}" is not one of ${Object.keys(ACTIVATIONS).join(', ')}`)
}

/** Hugging Face's default is two labels. */
function labelCount(json: Json): number {
  if (json.id2label !== null && typeof json.id2label === 'object') return Object.keys(json.id2label).length
  return typeof json.num_labels === 'number' ? json.num_labels : 2
}

function labelNames(json: Json, labels: number): readonly string[] | undefined {
  const id2label = (json.id2label ?? {}) as Record<string, unknown>
  const names = Array.from({ length: labels }, (_, index) => id2label[index])
  if (!names.every((name) => typeof name === 'string')) return undefined
  return names.every((name, index) => name === `LABEL_${index}`) ? undefined : names
}
