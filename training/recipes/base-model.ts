/** What a model starts from: a pre-trained checkpoint, the teacher's layers, or random weights. */
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import { encoderConfig, findArchitecture } from '../../src/family/architectures.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js'
import { resolveCheckpoint } from '../checkpoint/resolve-checkpoint.js'
import { readTokenizer } from '../checkpoint/tokenizer-json.js'
import { initialParameters } from '../nn/initialise.js'
import { studentFromTeacherLayers, studentLayerMap } from '../nn/student-from-teacher.js'
import { createRandom } from '../random.js'
import { writeWhole } from '../write-whole.js'
import type { ArchitectureChoice, StudentConfig, TeacherConfig } from './config.js'
import { assertSameLabels } from './mean-of-teachers.js'
import { assertSameTokenizer } from './shared-tokenizer.js'
import { wordVocabulary } from './word-vocabulary.js'

/** Entries of the vocabulary that a random teacher gets from its training texts. */
const OWN_VOCABULARY = 8192

export interface StartingPoint {
  readonly config: EncoderConfig
  readonly parameters: HostTensors
  /** for the report: where the weights come from */
  readonly initialisation: string
  readonly architecture: string
}

export interface TeacherStart extends StartingPoint {
  readonly tokenizerJson: string
}

export async function teacherStart(
  teacher: TeacherConfig,
  labels: number,
  options: { seed: number; maxTokens: number; trainTexts: readonly string[]; runFolder: string; cacheFolder: string },
): Promise<TeacherStart> {
  const { base, pooling, pooler } = teacher
  if (base === undefined) return randomTeacher(teacher, labels, options)
  const folder = await resolveCheckpoint(base, { cacheFolder: options.cacheFolder })
  const checkpoint = await loadCheckpoint(folder, { labels, seed: options.seed, pooling, pooler })
  const fresh = checkpoint.missing.length > 0 ? `; started fresh: ${checkpoint.missing.join(', ')}` : ''
  return {
    config: checkpoint.config,
    parameters: checkpoint.parameters,
    tokenizerJson: checkpoint.tokenizerJson,
    initialisation: `pre-trained checkpoint ${checkpointName(base)}${fresh}`,
    architecture: architectureName(checkpoint.config),
  }
}

async function randomTeacher(
  teacher: TeacherConfig,
  labels: number,
  options: { seed: number; maxTokens: number; trainTexts: readonly string[]; runFolder: string },
): Promise<TeacherStart> {
  const vocabulary = wordVocabulary(options.trainTexts, OWN_VOCABULARY)
  const tokenizerFolder = join(options.runFolder, 'tokenizer')
  await writeWhole(join(tokenizerFolder, 'vocab.txt'), `${vocabulary.join('\n')}\n`)
  const { json, vocabSize } = await readTokenizer(tokenizerFolder)
  const sizes = architectureSizes(teacher.architecture ?? { name: 'custom-2x384' }, 'teacher.architecture')
  const config = encoderConfig(sizes, {
    vocabSize,
    labels,
    maxPositions: options.maxTokens,
    pooling: teacher.pooling,
    ...(teacher.pooler ? { pooler: teacher.pooler } : {}),
  })
  return {
    config,
    parameters: initialParameters(config, createRandom(options.seed)),
    tokenizerJson: json,
    initialisation: `random; vocabulary of ${vocabSize} entries made from the training texts`,
    architecture: architectureName(config),
  }
}

/** Where a student says that it starts. */
export type StudentOrigin = Pick<StudentConfig, 'teacher_layers' | 'architecture' | 'base' | 'pooling'> & {
  readonly tier: string
}

/**
 * @param teacher the fine-tuned teacher
 * @param options.tokenizerJson of teacher and data, which a student's checkpoint has to share
 * @param options.labelNames of teacher and data, in the order of the logits, which a student's classifier has to share
 * @throws InvalidConfiguration when the student names two starting points, or its checkpoint has another tokenizer;
 * ShapeMismatch when layers or labels do not fit
 */
export async function studentStart(
  student: StudentOrigin,
  teacher: { readonly config: EncoderConfig; readonly parameters: HostTensors },
  options: { seed: number; cacheFolder: string; tokenizerJson: string; labelNames: readonly string[] },
): Promise<StartingPoint> {
  const source = `students.${student.tier}`
  const chosen = [student.teacher_layers, student.architecture, student.base].filter((choice) => choice !== undefined)
  if (chosen.length !== 1) {
    throw new InvalidConfiguration(
      source,
      'name one of teacher_layers, architecture and base: where the student starts',
    )
  }
  const { labels, pooler, vocabSize, maxPositions } = teacher.config
  const pooling = student.pooling ?? teacher.config.pooling
  if (student.base !== undefined) {
    const folder = await resolveCheckpoint(student.base, { cacheFolder: options.cacheFolder })
    const checkpoint = await loadCheckpoint(folder, { labels, seed: options.seed, pooling, pooler })
    if (checkpoint.config.vocabSize !== vocabSize) {
      throw new InvalidConfiguration(
        `${source}.base`,
        `its vocabulary has ${checkpoint.config.vocabSize} entries, the teacher's ${vocabSize}; teacher and students share one tokenizer`,
      )
    }
    assertSameTokenizer(`${source}.base`, { own: checkpoint.tokenizerJson, teacher: options.tokenizerJson })
    if (checkpoint.labelNames) {
      const base = { name: `${source}.base ${checkpointName(student.base)}`, labels: checkpoint.labelNames }
      assertSameLabels([{ name: 'the teacher', labels: options.labelNames }, base])
    }
    const { config, parameters } = checkpoint
    const initialisation = `pre-trained checkpoint ${checkpointName(student.base)}`
    return { config, parameters, initialisation, architecture: architectureName(config) }
  }
  if (student.teacher_layers !== undefined) {
    const layers = student.teacher_layers
    const config = { ...teacher.config, layers: layers.length, pooling }
    return {
      config,
      parameters: studentFromTeacherLayers(teacher.parameters, teacher.config, config, layers),
      initialisation: `the fine-tuned teacher's layers ${layers.join(', ')}, embeddings and head`,
      architecture: architectureName(config),
    }
  }
  const sizes = architectureSizes(student.architecture!, `${source}.architecture`)
  const config = encoderConfig(sizes, { labels, pooling, pooler, vocabSize, maxPositions })
  const fromTeacher = config.hiddenSize === teacher.config.hiddenSize && sameBlocks(config, teacher.config)
  if (fromTeacher) {
    const layers = studentLayerMap(teacher.config.layers, config.layers)
    const { architecture: _, ...rest } = student
    return studentStart({ ...rest, teacher_layers: layers }, teacher, options)
  }
  return {
    config,
    parameters: initialParameters(config, createRandom(options.seed)),
    initialisation: 'random',
    architecture: architectureName(config),
  }
}

function sameBlocks(a: EncoderConfig, b: EncoderConfig): boolean {
  return a.heads === b.heads && a.intermediateSize === b.intermediateSize && a.layers <= b.layers
}

/** @throws InvalidConfiguration naming what is missing or does not fit */
export function architectureSizes(choice: ArchitectureChoice, source: string) {
  const named = choice.name === undefined ? undefined : findArchitecture(choice.name)
  if (choice.name !== undefined && !named) {
    throw new InvalidConfiguration(source, `"${choice.name}" is unknown; see lextier architectures`)
  }
  const layers = choice.layers ?? named?.layers
  const hiddenSize = choice.hidden_size ?? named?.hiddenSize
  if (layers === undefined || hiddenSize === undefined) {
    throw new InvalidConfiguration(source, 'give a name, or layers and hidden_size')
  }
  const heads = choice.heads ?? named?.heads ?? Math.max(1, Math.round(hiddenSize / 64))
  if (hiddenSize % heads !== 0) {
    throw new InvalidConfiguration(source, `${heads} heads do not divide a hidden size of ${hiddenSize}`)
  }
  const intermediateSize = choice.intermediate_size ?? named?.intermediateSize ?? 4 * hiddenSize
  return { name: choice.name ?? 'custom', layers, hiddenSize, heads, intermediateSize }
}

function architectureName({ layers, hiddenSize }: EncoderConfig): string {
  return `${layers}x${hiddenSize}`
}

/** A folder's last component: a card names no machine's paths. */
export function checkpointName(base: string): string {
  return base.startsWith('hf:') ? base.slice(3) : base.replace(/[/\\]+$/, '').replace(/^.*[/\\]/, '')
}
