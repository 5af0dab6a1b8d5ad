/** The checkpoints, vocabularies and corpus that a configuration names, read once each. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointInvalid } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { sha256, sha256OfFile } from '../../src/family/file-hash.js'
import { parseHuggingFaceConfig } from '../checkpoint/hugging-face-config.js'
import { resolveCheckpoint } from '../checkpoint/resolve-checkpoint.js'
import { readTokenizer } from '../checkpoint/tokenizer-json.js'
import { assertSameTokenizer } from '../recipes/shared-tokenizer.js'
import { wordVocabulary } from '../recipes/word-vocabulary.js'
import { writeWhole } from '../write-whole.js'
import type { StudyInputs } from './model-shapes.js'
import { contentKey } from './stage-key.js'
import type { StudyData } from './study-data.js'
import type { StudyConfig } from './study-schema.js'

/** Entries of a vocabulary that is made from training texts. */
const OWN_VOCABULARY = 8192
/** Of a checkpoint folder: what decides its numbers. */
const DECIDING_FILES = /^(config\.json|vocab\.txt|tokenizer\.json|tokenizer_config\.json|.*\.safetensors)$/

export interface StudyCheckpoint {
  readonly folder: string
  readonly hash: string
  readonly config: EncoderConfig
  readonly tokenizerJson: string
}

/** What all models of a fold read texts with. */
export interface Vocabulary {
  readonly key: string
  readonly tokenizerJson: string
  /** rows of the embedding table */
  readonly vocabSize: number
}

export class StudySources {
  private readonly checkpoints = new Map<string, Promise<StudyCheckpoint>>()
  private readonly vocabularies = new Map<string, Promise<Vocabulary>>()
  private corpusHash: Promise<string> | undefined

  /** @param folder for vocabularies that are made here */
  constructor(
    private readonly data: StudyData,
    private readonly folder: string,
    private readonly cacheFolder: string,
  ) {}

  checkpoint(base: string): Promise<StudyCheckpoint> {
    const known = this.checkpoints.get(base) ?? this.readCheckpoint(base)
    this.checkpoints.set(base, known)
    return known
  }

  /** Of config.tokenizer, else of the first teacher with a base, else made from the fold's training texts. */
  async vocabulary(config: StudyConfig, fold: number): Promise<Vocabulary> {
    const base = config.teachers.find((teacher) => teacher.base !== undefined)?.base
    if (base !== undefined) {
      const { tokenizerJson, config: encoder } = await this.checkpoint(base)
      return vocabulary(tokenizerJson, encoder.vocabSize)
    }
    const source = config.tokenizer ?? fold
    const known = this.vocabularies.get(String(source)) ?? this.readVocabulary(source)
    this.vocabularies.set(String(source), known)
    return known
  }

  /** @throws InvalidConfiguration when models would not read texts alike; whatever reading refuses */
  async inputs(config: StudyConfig): Promise<StudyInputs> {
    const checkpoints = new Map<string, StudyCheckpoint>()
    const { tokenizerJson: shared } = await this.vocabulary(config, 0)
    for (const { name, base } of [...config.teachers, ...config.students]) {
      if (base === undefined) continue
      const checkpoint = await this.checkpoint(base)
      assertSameTokenizer(`${name}.base`, { own: checkpoint.tokenizerJson, teacher: shared })
      checkpoints.set(base, checkpoint)
    }
    if (config.tokenizer !== undefined) {
      const { json } = await readTokenizer(await this.resolve(config.tokenizer))
      assertSameTokenizer('tokenizer', { own: json, teacher: shared })
    }
    const folds = await Promise.all(
      this.data.folds.map(async ({ key }, fold) => {
        const { key: tokenizer, vocabSize } = await this.vocabulary(config, fold)
        return { key, tokenizer, vocabSize }
      }),
    )
    const corpus = config.corpus && (await this.corpus(config.corpus.path))
    return { labels: this.data.dataset.labels.length, folds, checkpoints, corpus }
  }

  private corpus(path: string): Promise<string> {
    this.corpusHash ??= sha256OfFile(path)
    return this.corpusHash
  }

  private resolve(reference: string): Promise<string> {
    return resolveCheckpoint(reference, { cacheFolder: this.cacheFolder })
  }

  private async readCheckpoint(base: string): Promise<StudyCheckpoint> {
    const folder = await this.resolve(base)
    const names = await readdir(folder).catch(() => {
      throw new CheckpointInvalid(base, 'is no folder; name a Hugging Face BERT or DistilBERT folder')
    })
    const files = names.filter((name) => DECIDING_FILES.test(name)).sort()
    const hash = contentKey(
      await Promise.all(files.map(async (name) => [name, await sha256OfFile(join(folder, name))])),
    )
    const configFile = join(folder, 'config.json')
    const text = await readFile(configFile, 'utf8').catch(() => {
      throw new CheckpointInvalid(configFile, 'cannot be read; a Hugging Face checkpoint folder has one')
    })
    const { config } = parseHuggingFaceConfig(configFile, JSON.parse(text))
    return { folder, hash, config, tokenizerJson: (await readTokenizer(folder)).json }
  }

  private async readVocabulary(source: string | number): Promise<Vocabulary> {
    if (typeof source === 'string') {
      const { json, vocabSize } = await readTokenizer(await this.resolve(source))
      return vocabulary(json, vocabSize)
    }
    const texts = this.data.folds[source]!.sides.train.map(({ text }) => text)
    const content = `${wordVocabulary(texts, OWN_VOCABULARY).join('\n')}\n`
    const folder = join(this.folder, sha256(content).slice(0, 24))
    await writeWhole(join(folder, 'vocab.txt'), content)
    const { json, vocabSize } = await readTokenizer(folder)
    return vocabulary(json, vocabSize)
  }
}

function vocabulary(tokenizerJson: string, vocabSize: number): Vocabulary {
  return { key: sha256(`${vocabSize} ${tokenizerJson}`).slice(0, 24), tokenizerJson, vocabSize }
}
