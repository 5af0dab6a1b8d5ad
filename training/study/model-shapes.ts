import { InvalidConfiguration } from '../../src/errors.js'
import { encoderConfig } from '../../src/family/architectures.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { studentLayerMap } from '../nn/student-from-teacher.js'
import { architectureSizes } from '../recipes/base-model.js'
import type { StageList } from './stage-list.js'
import type { Start } from './stages.js'
import type { StudyConfig, StudyStudent } from './study-schema.js'

/** What a configuration's files hold. */
export interface StudyInputs {
  /** classes */
  readonly labels: number
  readonly folds: readonly FoldInputs[]
  /** by the reference in the configuration */
  readonly checkpoints: ReadonlyMap<string, { readonly hash: string; readonly config: EncoderConfig }>
  /** hash of the corpus file, when there is one */
  readonly corpus?: string | undefined
}

export interface FoldInputs {
  /** hash of the texts and labels on its sides */
  readonly key: string
  /** of the vocabulary that all models of the fold share */
  readonly tokenizer: string
  /** rows of the embedding table */
  readonly vocabSize: number
}

export interface Shape {
  readonly encoder: EncoderConfig
  readonly start: Start
}

const DEFAULT_TEACHER = { name: 'custom-2x384' }

/** Sizes and starting weights of the models of one fold. */
export class ModelShapes {
  constructor(
    private readonly config: StudyConfig,
    private readonly inputs: StudyInputs,
    private readonly stages: StageList,
    private readonly fold: number,
  ) {}

  /** @throws InvalidConfiguration when the architecture is unknown */
  teacher(name: string): Shape {
    const { base, architecture, start, pooling, pooler } = this.config.teachers.find((entry) => entry.name === name)!
    const { vocabSize } = this.inputs.folds[this.fold]!
    const choice = { ...(pooling !== undefined && { pooling }), ...(pooler !== undefined && { pooler }) }
    const encoder =
      base === undefined
        ? encoderConfig(architectureSizes(architecture ?? DEFAULT_TEACHER, `teachers.${name}.architecture`), {
            vocabSize,
            labels: this.inputs.labels,
            maxPositions: this.maxPositions(),
            ...choice,
          })
        : { ...this.inputs.checkpoints.get(base)!.config, labels: this.inputs.labels, ...choice }
    const origin = this.origin(base)
    return { encoder, start: start === 'pretrained' ? this.pretrained(name, encoder, origin) : origin }
  }

  /**
   * @param trained key of the fit of a teacher
   * @throws InvalidConfiguration or ShapeMismatch when the start does not fit
   */
  student(student: StudyStudent, trained: (teacher: string) => string): Shape {
    const { name, base, start, teacher_layers: layers } = student
    const first = (student.teachers ?? this.config.teachers.map((entry) => entry.name))[0]!
    const teacher = this.teacher(first)
    const { labels, pooler, vocabSize, maxPositions } = teacher.encoder
    const pooling = student.pooling ?? teacher.encoder.pooling
    const fromLayers = (chosen: readonly number[]): Shape => ({
      encoder: { ...teacher.encoder, layers: chosen.length, pooling },
      start: {
        kind: 'layers',
        layers: chosen,
        of: student.layers_from === 'base' ? teacher.start : { kind: 'stage', stage: trained(first), as: 'fine-tuned' },
        encoder: teacher.encoder,
        model: first,
      },
    })
    if (layers) {
      const beyond = layers.find((layer) => layer >= teacher.encoder.layers)
      if (beyond !== undefined) {
        throw new InvalidConfiguration(
          `students.${name}.teacher_layers`,
          `there is no layer ${beyond}; ${first} has 0 to ${teacher.encoder.layers - 1}`,
        )
      }
      return fromLayers(layers)
    }
    if (base !== undefined) {
      const encoder = { ...this.inputs.checkpoints.get(base)!.config, labels, pooling, pooler }
      const origin = this.origin(base)
      return { encoder, start: start === 'pretrained' ? this.pretrained(name, encoder, origin) : origin }
    }
    const sizes = architectureSizes(student.architecture!, `students.${name}.architecture`)
    const encoder = encoderConfig(sizes, { labels, pooling, pooler, vocabSize, maxPositions })
    const sameWidths = (['hiddenSize', 'heads', 'intermediateSize'] as const).every(
      (size) => encoder[size] === teacher.encoder[size],
    )
    if (start === 'teacher_layers' && !sameWidths) {
      throw new InvalidConfiguration(
        `students.${name}.start`,
        `teacher_layers needs the widths of ${first} (${teacher.encoder.hiddenSize}, ${teacher.encoder.heads} heads, ` +
          `${teacher.encoder.intermediateSize}); take random, general or pretrained`,
      )
    }
    const fits = sameWidths && encoder.layers <= teacher.encoder.layers
    if (start === 'teacher_layers' || (start === undefined && fits)) {
      return fromLayers(studentLayerMap(teacher.encoder.layers, encoder.layers))
    }
    const random: Start = { kind: 'random' }
    if (start === 'pretrained') return { encoder, start: this.pretrained(name, encoder, random) }
    if (start === 'general') return { encoder, start: this.stages.general(name, encoder, this.fold, first, teacher) }
    return { encoder, start: random }
  }

  private origin(base: string | undefined): Start {
    if (base === undefined) return { kind: 'random' }
    return { kind: 'checkpoint', base, hash: this.inputs.checkpoints.get(base)!.hash }
  }

  private pretrained(name: string, encoder: EncoderConfig, start: Start): Start {
    return this.stages.pretrained(name, encoder, this.fold, start)
  }

  /** Of models without a base: as many as the teachers' checkpoints have, so that texts are cut alike. */
  private maxPositions(): number {
    const bases = this.config.teachers.flatMap(({ base }) => (base === undefined ? [] : [base]))
    const rows = bases.map((base) => this.inputs.checkpoints.get(base)!.config.maxPositions)
    return Math.max(this.config.max_tokens, this.config.corpus?.max_tokens ?? 0, ...rows)
  }
}
