/** A tier laid out as HuggingFace libraries expect a checkpoint: config, tokenizer, model.onnx. */
import { rmSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { ServedModel } from './candidate.js'

/** Where libraries look for the ONNX file: transformers.js in `onnx`, Optimum beside the config. */
export type ModelPlace = 'onnx' | '.'

/** @returns a folder that goes with this process; the checkpoint is its subfolder `classifier` */
export async function temporaryHubFolder(model: ServedModel, place: ModelPlace): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-bench-hub-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await writeHubFolder(model, folder, place)
  return folder
}

/** @param parent the checkpoint is its subfolder `classifier` */
export async function writeHubFolder(model: ServedModel, parent: string, place: ModelPlace): Promise<void> {
  const folder = join(parent, 'classifier')
  const { config, labels, maxTokens, modelFile } = model
  await mkdir(join(folder, place), { recursive: true })
  const source = dirname(modelFile)
  // beside the model, under the names by which it refers to them
  for (const file of await readdir(source)) {
    if (file === basename(modelFile) || file.endsWith('.bin'))
      await copyFile(join(source, file), join(folder, place, file))
  }
  await copyFile(model.tokenizerFile, join(folder, 'tokenizer.json'))
  const json = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value))
  await json('tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    model_max_length: maxTokens,
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    unk_token: '[UNK]',
  })
  await json('config.json', {
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    problem_type: 'single_label_classification',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    pad_token_id: config.padTokenId,
    id2label: Object.fromEntries(labels.map((label, index) => [index, label])),
    label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
  })
}
