import { InvalidConfiguration } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { optimisation as optimisationSchema } from '../recipes/config.js'
import { GENERAL_LOSSES } from '../recipes/general-distillation.js'
import { needsTeacherInside } from '../recipes/losses-config.js'
import { checkObjective } from './check-objective.js'
import type { Shape, StudyInputs } from './model-shapes.js'
import { contentKey } from './stage-key.js'
import type { FitStage, LatencyStage, Stage, StageOptimisation, Start } from './stages.js'
import type { StudyConfig } from './study-schema.js'

/** Raised when a stage's code changes so that its results do: what was stored before is then computed again. */
const VERSIONS: Readonly<Record<Stage['kind'], number>> = {
  fit: 1,
  outputs: 1,
  pretrain: 1,
  general: 1,
  latency: 1,
  attribution: 1,
}

/** Classes of an encoder that is not trained to classify: its head is made anew when it is. */
const NO_LABELS = 2

type Unplanned<S> = S extends Stage ? Omit<S, 'key' | 'cost' | 'dependsOn'> : never
type NewStage = Unplanned<Stage>
type NewFit = Omit<FitStage, 'key' | 'kind' | 'cost' | 'dependsOn' | 'maxTokens' | 'checkpointEvery'> & {
  readonly optimisation: Options
}
type Options = StageOptimisation & { readonly checkpoint_every?: number }

/** Stages by their content keys: what two models share is there once. */
export class StageList {
  readonly all = new Map<string, Stage>()

  constructor(
    private readonly config: StudyConfig,
    private readonly inputs: StudyInputs,
  ) {}

  fit(key: string): FitStage {
    return this.all.get(key) as FitStage
  }

  addFit(fit: NewFit): FitStage {
    const { encoder, start, losses, teachers, hard } = fit
    const optimisation = withoutSchedule(fit.optimisation)
    const inside = needsTeacherInside(losses) ? teachers.slice(0, 1) : []
    const limits = [encoder, ...inside.map(({ stage }) => this.fit(stage).encoder)].map((model) => model.maxPositions)
    const stage = {
      ...fit,
      kind: 'fit' as const,
      checkpointEvery: fit.optimisation.checkpoint_every ?? 0,
      optimisation,
      maxTokens: Math.min(this.config.max_tokens, ...limits),
      cost: costOf(encoder, optimisation) + inside.reduce((sum, { stage }) => sum + this.fit(stage).cost / 3, 0),
      dependsOn: [
        ...stagesOf(start),
        ...teachers.flatMap((teacher) => [teacher.stage, teacher.outputs]),
        ...(hard ? [hard.outputs] : []),
      ],
    }
    const { bucket_width, run_length } = this.config
    const key = this.keyOf(stage, {
      seed: fit.seed,
      encoder,
      maxTokens: stage.maxTokens,
      start: identity(start),
      losses,
      optimisation,
      teachers: teachers.map(({ stage, weight }) => [stage, weight]),
      ...(teachers.length > 1 && { confidence: fit.confidence }),
      hard,
      ...this.foldIdentity(fit.fold),
      bucket_width,
      run_length,
    })
    const known = this.all.get(key) as FitStage | undefined
    // a link of a chain may be a model of its own
    const added = {
      ...stage,
      key,
      name: known?.name ?? stage.name,
      isTeacher: fit.isTeacher || known?.isTeacher === true,
    }
    this.all.set(key, added)
    return added
  }

  /** @returns key of the stage */
  outputs(of: FitStage, group: number): string {
    const { fold, key: fitted, name, cost } = of
    return this.add(
      { kind: 'outputs', name: `${name}: answers on the training texts`, of: fitted, fold, group },
      [fitted],
      {
        cost: cost / (3 * of.optimisation.epochs),
        settings: {},
      },
    )
  }

  latency(encoder: EncoderConfig, provider: LatencyStage['provider'], calls: LatencyStage['calls']): string {
    const { repeats, threads } = this.config.latency!
    const settings = { encoder, provider, calls, repeats, threads }
    const name = `latency of ${encoder.layers}x${encoder.hiddenSize} on ${provider}`
    return this.add({ kind: 'latency', name, ...settings }, [], { cost: 0, settings })
  }

  attribution(model: string, of: string, teacher: string, fold: number): string {
    const { texts, steps } = this.config.attribution!
    const { group, cost, optimisation } = this.fit(of)
    const stage = {
      kind: 'attribution' as const,
      name: `attributions of ${model}`,
      of,
      teacher,
      fold,
      texts,
      steps,
      group,
    }
    return this.add(stage, [...new Set([of, teacher])], {
      cost: cost / optimisation.epochs,
      settings: { texts, steps },
    })
  }

  pretrained(model: string, sizes: EncoderConfig, fold: number, start: Start): Start {
    const encoder = { ...sizes, labels: NO_LABELS }
    const { masked, seed, checkpoint_every: checkpointEvery, ...options } = this.config.pretraining!
    const optimisation = withoutSchedule(options)
    const settings = { encoder, masked, seed, optimisation, ...this.corpusIdentity(fold) }
    const stage = this.add(
      {
        kind: 'pretrain',
        name: `pre-training of ${model}`,
        encoder,
        start,
        masked,
        seed,
        optimisation,
        checkpointEvery,
      },
      stagesOf(start),
      { cost: costOf(encoder, optimisation), settings: { ...settings, start: identity(start) } },
    )
    return { kind: 'stage', stage, as: 'pretrained' }
  }

  general(model: string, sizes: EncoderConfig, fold: number, teacherName: string, shape: Shape): Start {
    const encoder = { ...sizes, labels: NO_LABELS }
    const teacher = { start: shape.start, encoder: { ...shape.encoder, labels: NO_LABELS } }
    const { losses = GENERAL_LOSSES, seed, checkpoint_every: checkpointEvery, ...options } = this.config.general!
    if ((losses.hard?.weight ?? 0) + (losses.soft?.weight ?? 0) > 0) {
      throw new InvalidConfiguration(
        'general.losses',
        'a corpus has no labels, and the teacher knows none yet; take hidden, attention, relations or cls',
      )
    }
    if (shape.start.kind === 'random') {
      throw new InvalidConfiguration(
        'general',
        `${teacherName} starts random: there is nothing to imitate; give it a base, or start: pretrained`,
      )
    }
    checkObjective(`general distillation of ${model} from ${teacherName}`, losses, encoder, teacher.encoder)
    const optimisation = withoutSchedule(options)
    const start: Start = { kind: 'random' }
    const settings = { encoder, losses, seed, optimisation, ...this.corpusIdentity(fold) }
    const name = `general distillation of ${model} from ${teacherName}`
    const stage = this.add(
      { kind: 'general', name, encoder, start, teacher, losses, seed, optimisation, checkpointEvery },
      stagesOf(teacher.start),
      {
        cost: costOf(encoder, optimisation) + costOf(teacher.encoder, optimisation) / 3,
        settings: { ...settings, teacher: { ...teacher, start: identity(teacher.start) } },
      },
    )
    return { kind: 'stage', stage, as: 'general' }
  }

  private add(
    stage: NewStage,
    dependsOn: readonly string[],
    { cost, settings }: { cost: number; settings: object },
  ): string {
    const whole = { ...stage, cost, dependsOn } as Stage
    const key = this.keyOf(whole, settings)
    if (!this.all.has(key)) this.all.set(key, { ...whole, key })
    return key
  }

  private keyOf({ kind, dependsOn }: Pick<Stage, 'kind' | 'dependsOn'>, settings: object): string {
    return contentKey({ kind, version: VERSIONS[kind], dependsOn, settings })
  }

  private foldIdentity(fold: number) {
    const { key, tokenizer } = this.inputs.folds[fold]!
    return { data: key, tokenizer }
  }

  /** @throws InvalidConfiguration where folds have vocabularies of their own: a corpus stage would be needed for each */
  private corpusIdentity(fold: number) {
    const { folds, corpus } = this.inputs
    if (new Set(folds.map(({ tokenizer }) => tokenizer)).size > 1) {
      throw new InvalidConfiguration(
        'tokenizer',
        'every fold has a vocabulary of its own, made from its training texts; for stages on a corpus, name a tokenizer or give the teacher a base',
      )
    }
    const { path: _, ...options } = this.config.corpus!
    const { bucket_width, run_length } = this.config
    return { corpus, options, tokenizer: folds[fold]!.tokenizer, bucket_width, run_length }
  }
}

/** How often checkpoints are written decides no number. */
function withoutSchedule(options: StageOptimisation): StageOptimisation {
  const deciding = Object.keys(optimisationSchema).filter((name) => name !== 'checkpoint_every')
  return Object.fromEntries(deciding.map((name) => [name, options[name as keyof StageOptimisation]])) as never
}

/** Proportional to the multiplications of the encoder's matrices, forward and backward. */
function costOf({ layers, hiddenSize, intermediateSize }: EncoderConfig, { epochs }: StageOptimisation): number {
  return epochs * layers * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize)
}

/** A start without the names of this machine's folders. */
function identity(start: Start): unknown {
  switch (start.kind) {
    case 'checkpoint':
      return { kind: start.kind, hash: start.hash }
    case 'layers': {
      const { kind, layers, of, encoder } = start
      return { kind, layers, encoder, of: identity(of) }
    }
    default:
      return start
  }
}

function stagesOf(start: Start): string[] {
  if (start.kind === 'stage') return [start.stage]
  return start.kind === 'layers' ? stagesOf(start.of) : []
}
