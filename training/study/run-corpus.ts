import { join } from 'node:path'
import type { CorpusStage } from '../recipes/corpus-stage.js'
import { distilOnCorpus } from '../recipes/general-distillation.js'
import { pretrainMaskedLm } from '../recipes/masked-language-model.js'
import type { StageContext } from './stage-context.js'
import type { StageResult } from './stage-store.js'
import type { GeneralStage, PretrainStage } from './stages.js'
import { startingWeights } from './starting-weights.js'

/** What a finished corpus stage says of itself. */
export interface CorpusResult extends StageResult {
  readonly kind: 'pretrain' | 'general'
  readonly history: readonly { readonly epoch: number; readonly trainLoss: number; readonly seconds: number }[]
  readonly sequencesPerSecond: number
}

type Facts = Omit<CorpusResult, 'kind' | 'name' | 'finishedAt' | 'device'>

/** Trains an encoder on the corpus, by masked-language modelling or by imitating a teacher's inside. */
export async function runOnCorpus(stage: PretrainStage | GeneralStage, context: StageContext): Promise<Facts> {
  const { encoder, start, seed } = stage
  const weights = await startingWeights(start, encoder, seed, context)
  const student = { config: encoder, ...weights }
  const corpus = await corpusStage(stage, context)
  const { trained } =
    stage.kind === 'pretrain'
      ? await pretrainMaskedLm(corpus, student, stage.masked)
      : await distilOnCorpus(corpus, student, await teacherOf(stage, context), stage.losses)
  const { history, sequencesPerSecond } = trained
  return { seconds: history.reduce((sum, epoch) => sum + epoch.seconds, 0), history, sequencesPerSecond }
}

async function teacherOf({ teacher, seed }: GeneralStage, context: StageContext) {
  const { parameters } = await startingWeights(teacher.start, teacher.encoder, seed, context)
  return { config: teacher.encoder, parameters }
}

async function corpusStage(
  { key, name, encoder, seed, optimisation, checkpointEvery }: PretrainStage | GeneralStage,
  context: StageContext,
): Promise<CorpusStage> {
  const { store, engine, onEvent, config } = context
  const maxTokens = Math.min(config.corpus!.max_tokens, encoder.maxPositions)
  const { tokenizer, tokenizerJson } = await context.tokenizer(0)
  return {
    stage: name,
    files: store.files(key),
    checkpointFolder: join(store.folder(key), 'checkpoint'),
    windows: await context.corpus(maxTokens),
    tokenizer,
    tokenizerJson,
    options: { ...optimisation, checkpoint_every: checkpointEvery },
    maxTokens,
    bucketWidth: config.bucket_width,
    runLength: config.run_length,
    seed,
    engine,
    onEvent,
  }
}
