import type { ModelType } from './hugging-face-config.js'

/** DistilBERT's names for what BERT's names call otherwise, inside a layer. */
const DISTILBERT_LAYER_PARTS: Readonly<Record<string, string>> = {
  'attention.self.query': 'attention.q_lin',
  'attention.self.key': 'attention.k_lin',
  'attention.self.value': 'attention.v_lin',
  'attention.output.dense': 'attention.out_lin',
  'attention.output.LayerNorm': 'sa_layer_norm',
  'intermediate.dense': 'ffn.lin1',
  'output.dense': 'ffn.lin2',
  'output.LayerNorm': 'output_layer_norm',
}

/** DistilBERT's names for the parts of BERT's masked-language-model head. */
const DISTILBERT_MASKED_LM_PARTS: Readonly<Record<string, string>> = {
  'transform.dense': 'vocab_transform',
  'transform.LayerNorm': 'vocab_layer_norm',
}

/**
 * @param name of a parameter, as parameterSpecs or maskedLmSpecs gives it
 * @returns its name in a Hugging Face sequence classifier or masked language model
 */
export function huggingFaceName(name: string, modelType: ModelType): string {
  if (name.startsWith('classifier.')) return name
  if (name.startsWith('cls.predictions.')) {
    if (modelType === 'bert') return name
    const [, part, leaf] = /^cls\.predictions\.(?:(.+)\.)?(weight|bias)$/.exec(name) ?? []
    return `${part === undefined ? 'vocab_projector' : DISTILBERT_MASKED_LM_PARTS[part]}.${leaf}`
  }
  if (modelType === 'bert') return `bert.${name}`
  if (name.startsWith('pooler.dense.')) return name.replace('pooler.dense', 'pre_classifier')
  const [, layer, part, leaf] = /^encoder\.layer\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? []
  if (layer === undefined) return `distilbert.${name}`
  return `distilbert.transformer.layer.${layer}.${DISTILBERT_LAYER_PARTS[part!]}.${leaf}`
}

/**
 * The names under which a checkpoint may hold a parameter, best first: with and without the model's prefix, and with the
 * `gamma` and `beta` of checkpoints that came from TensorFlow.
 */
export function candidateNames(name: string, modelType: ModelType): string[] {
  const full = huggingFaceName(name, modelType)
  const bare = full.replace(/^(bert|distilbert)\./, '')
  const names = full === bare ? [full] : [full, bare]
  if (!/layer_?norm\.(weight|bias)$/i.test(full)) return names
  return names.flatMap((known) => [known, known.replace(/weight$/, 'gamma').replace(/bias$/, 'beta')])
}

/** @returns whether a tensor belongs to no encoder: pre-training heads, constant position tables, other tasks' heads */
export function isIgnored(name: string): boolean {
  return /^(cls|vocab_(transform|layer_norm|projector)|qa_outputs)\.|(^|\.)position_ids$/.test(name)
}
