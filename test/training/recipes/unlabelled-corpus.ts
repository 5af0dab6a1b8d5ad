/** A small unlabelled corpus of invented cases, tokenised by a vocabulary of their own words. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { encoderConfig } from '../../../src/family/architectures.js'
import { loadTokenizer } from '../../../src/tokenizer/text-tokenizer.js'
import { readTokenizer } from '../../../training/checkpoint/tokenizer-json.js'
import { openCorpus } from '../../../training/data/corpus-file.js'
import { corpusWindows } from '../../../training/data/corpus-windows.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { createRandom } from '../../../training/random.js'
import type { OptimisationConfig } from '../../../training/recipes/config.js'
import type { CorpusModel, CorpusStage } from '../../../training/recipes/corpus-stage.js'
import type { TrainingEvent } from '../../../training/recipes/events.js'
import { stageFiles } from '../../../training/recipes/run-folder.js'
import { smokeCases } from '../../../training/recipes/smoke-cases.js'
import { wordVocabulary } from '../../../training/recipes/word-vocabulary.js'

export const OPTIONS: OptimisationConfig = {
  epochs: 2,
  batch_size: 8,
  accumulation: 1,
  learning_rate: 5e-3,
  layer_decay: 1,
  warmup: 0.1,
  weight_decay: 0.01,
  clip_norm: 1,
  dropout: 0.1,
  patience: 3,
  checkpoint_every: 0,
}

export async function smokeCorpus(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-corpus-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const texts = smokeCases(160, 5).map(({ facts }) => facts)
  await writeFile(join(folder, 'corpus.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'))
  await writeFile(join(folder, 'vocab.txt'), wordVocabulary(texts, 400).join('\n'))
  const { json: tokenizerJson, vocabSize } = await readTokenizer(folder)
  await writeFile(join(folder, 'tokenizer.json'), tokenizerJson)
  const tokenizer = loadTokenizer(join(folder, 'tokenizer.json'))
  const corpus = openCorpus(join(folder, 'corpus.jsonl'))
  const windows = await corpusWindows('corpus', corpus, tokenizer, { maxTokens: 32, validation: 0.15, seed: 1 })
  const engine = await createEngine('cpu', { threads: 1 })

  return {
    folder,
    stage(name: string, change: Partial<CorpusStage> = {}): CorpusStage & { readonly events: TrainingEvent[] } {
      const events: TrainingEvent[] = []
      return {
        stage: name,
        files: stageFiles(folder, name),
        checkpointFolder: join(folder, name, 'checkpoint'),
        windows,
        tokenizer,
        tokenizerJson,
        options: OPTIONS,
        maxTokens: 32,
        bucketWidth: 32,
        runLength: 8,
        seed: 3,
        engine,
        onEvent: (event) => events.push(event),
        events,
        ...change,
      }
    },
    model(layers: number, hiddenSize: number, seed = 1): CorpusModel {
      const sizes = { layers, hiddenSize, heads: 2, intermediateSize: 2 * hiddenSize }
      const config = encoderConfig(sizes, { vocabSize, labels: 2, maxPositions: 32 })
      return { config, parameters: initialParameters(config, createRandom(seed)) }
    },
  }
}

/** An event handler that stops the training as a killed process would, at the first event that matches. */
export function killedAt(matches: (event: TrainingEvent) => boolean) {
  return (event: TrainingEvent) => {
    if (matches(event)) throw new Error('killed')
  }
}
