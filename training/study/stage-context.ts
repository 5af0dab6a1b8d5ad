import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadTokenizer, type TextTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { openCorpus } from '../data/corpus-file.js'
import { type CorpusWindows, corpusWindows } from '../data/corpus-windows.js'
import type { Engine } from '../engine/types.js'
import type { OnEvent } from '../recipes/events.js'
import type { Sides } from '../recipes/run.js'
import { tokenizeExamples } from '../recipes/token-set.js'
import { writeWhole } from '../write-whole.js'
import { RecentlyUsed } from './recently-used.js'
import type { StageStore } from './stage-store.js'
import type { FitStage, Stage } from './stages.js'
import type { StudyData } from './study-data.js'
import type { StudyConfig } from './study-schema.js'
import type { StudySources, Vocabulary } from './study-sources.js'

/** Tokens of the folds that are kept in memory, 256 MiB: stages of equal programs, one after the other, go through all folds. */
const KEPT_TOKENS = 2 ** 26

/** A study and what it reads, for whoever runs its stages or puts its results together. */
export class StudyContext {
  private readonly sidesOf = new RecentlyUsed<Sides>(KEPT_TOKENS, tokensOf)
  private windows: { key: string; value: Promise<CorpusWindows> } | undefined

  /** @param stages of the plan, by key */
  constructor(
    readonly config: StudyConfig,
    readonly stages: ReadonlyMap<string, Stage>,
    readonly data: StudyData,
    readonly sources: StudySources,
    readonly store: StageStore,
  ) {}

  fit(key: string): FitStage {
    return this.stages.get(key) as FitStage
  }

  async tokenizer(fold: number): Promise<Vocabulary & { tokenizer: TextTokenizer }> {
    const vocabulary = await this.sources.vocabulary(this.config, fold)
    const file = join(this.store.root, '..', 'tokenizers', `${vocabulary.key}.json`)
    if (!existsSync(file)) await writeWhole(file, vocabulary.tokenizerJson)
    return { ...vocabulary, tokenizer: loadTokenizer(file) }
  }

  /** The texts of a fold as a model with this limit reads them. */
  sides(fold: number, maxTokens: number): Promise<Sides> {
    return this.sidesOf.get(`${fold} ${maxTokens}`, () => this.tokenized(fold, maxTokens))
  }

  async batching(fold: number, maxTokens: number) {
    const { tokenizer } = await this.tokenizer(fold)
    const { bucket_width: bucketWidth, run_length: runLength } = this.config
    return { padId: tokenizer.padId, maxTokens, bucketWidth, runLength }
  }

  /** The corpus in windows. All folds read it with one vocabulary. */
  async corpus(maxTokens: number): Promise<CorpusWindows> {
    const { path, text_field: textField, html, max_documents: maxDocuments, validation, seed } = this.config.corpus!
    const { key, tokenizer } = await this.tokenizer(0)
    const wanted = `${key} ${maxTokens}`
    if (this.windows?.key !== wanted) {
      const corpus = openCorpus(path, { textField, html, maxDocuments })
      this.windows = { key: wanted, value: corpusWindows(path, corpus, tokenizer, { maxTokens, validation, seed }) }
    }
    return this.windows.value
  }

  private async tokenized(fold: number, maxTokens: number): Promise<Sides> {
    const { tokenizer } = await this.tokenizer(fold)
    const { sides } = this.data.folds[fold]!
    const side = (name: keyof Sides) => tokenizeExamples(sides[name], this.data.dataset.labels, tokenizer, maxTokens)
    return { train: await side('train'), validation: await side('validation'), test: await side('test') }
  }
}

/** What a stage runs with. */
export interface StageContext extends StudyContext {
  readonly engine: Engine
  readonly onEvent: OnEvent
}

export function stageContext(study: StudyContext, engine: Engine, onEvent: OnEvent): StageContext {
  return Object.assign(study, { engine, onEvent })
}

function tokensOf(sides: Sides): number {
  const sequences = Object.values(sides).flatMap((side) => side.sequences)
  return sequences.reduce((sum, { length }) => sum + length, 0)
}
