/** What a study consists of: stages, each decided by its settings and by the stages that it takes something from. */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { OptimisationConfig } from '../recipes/config.js'
import type { LossesConfig } from '../recipes/losses-config.js'
import type { ModelKind } from './results.js'

/** Optimisation without what decides no number. */
export type StageOptimisation = Omit<OptimisationConfig, 'checkpoint_every'>

/** Where the weights of a model come from. */
export type Start =
  | { readonly kind: 'checkpoint'; readonly base: string; readonly hash: string }
  | { readonly kind: 'random' }
  /** what another stage trained */
  | { readonly kind: 'stage'; readonly stage: string; readonly as: 'general' | 'pretrained' | 'fine-tuned' }
  /** some layers of another model, and its embeddings and head */
  | {
      readonly kind: 'layers'
      readonly layers: readonly number[]
      readonly of: Start
      readonly encoder: EncoderConfig
      /** its name, for the report */
      readonly model: string
    }

interface StageBase {
  /** of the settings and of the keys of dependsOn: the same key, the same result */
  readonly key: string
  /** for people */
  readonly name: string
  /** keys of stages that have to be finished first */
  readonly dependsOn: readonly string[]
  /** index of the seed and fold that it belongs to; none for what all share */
  readonly group?: number | undefined
  /** relative time that it takes */
  readonly cost: number
}

/** A stage that trains. */
interface TrainingStage extends StageBase {
  readonly encoder: EncoderConfig
  readonly start: Start
  readonly seed: number
  readonly optimisation: StageOptimisation
  /** steps between checkpoints within an epoch; decides no number */
  readonly checkpointEvery: number
}

/** A teacher of a fit. */
export interface TeacherRef {
  /** the fit that trained it */
  readonly stage: string
  /** its logits on the training texts */
  readonly outputs: string
  /** the model's name, or the member's */
  readonly model: string
  readonly weight: number
}

/** Trains a classifier on the training side of a fold, and predicts the other sides. */
export interface FitStage extends TrainingStage {
  readonly kind: 'fit'
  readonly fold: number
  /** longest input */
  readonly maxTokens: number
  readonly losses: LossesConfig
  /** none for fine-tuning; the first is the one whose inside is looked at */
  readonly teachers: readonly TeacherRef[]
  readonly confidence: 'weight' | 'label'
  /** continue on the hardest share of the training examples, by these logits */
  readonly hard?: { readonly outputs: string; readonly share: number } | undefined
  /** whether students learn from it */
  readonly isTeacher: boolean
}

/** A model's logits on the training texts of its fold. */
export interface OutputsStage extends StageBase {
  readonly kind: 'outputs'
  readonly fold: number
  readonly of: string
}

/** Masked-language-model training on the corpus. */
export interface PretrainStage extends TrainingStage {
  readonly kind: 'pretrain'
  readonly masked: number
}

/** Distillation on the corpus, without labels. */
export interface GeneralStage extends TrainingStage {
  readonly kind: 'general'
  readonly teacher: { readonly start: Start; readonly encoder: EncoderConfig }
  readonly losses: LossesConfig
}

/** How fast an architecture is on one execution provider. */
export interface LatencyStage extends StageBase {
  readonly kind: 'latency'
  readonly encoder: EncoderConfig
  readonly provider: 'cpu' | 'cuda' | 'webgpu'
  readonly calls: readonly { readonly batch: number; readonly tokens: number }[]
  readonly repeats: number
  readonly threads?: number | undefined
}

/** Integrated Gradients of validation texts. */
export interface AttributionStage extends StageBase {
  readonly kind: 'attribution'
  readonly fold: number
  readonly of: string
  /** decides the labels that are explained: the teacher's answers */
  readonly teacher: string
  readonly texts: number
  readonly steps: number
}

export type Stage = FitStage | OutputsStage | PretrainStage | GeneralStage | LatencyStage | AttributionStage

/** One training of a model. */
export interface ModelRun {
  readonly seed: number
  readonly fold: number
  /** key of the fit */
  readonly stage: string
  /** whom its answers are held against */
  readonly references: readonly { readonly stage: string; readonly weight: number }[]
}

/** A row of the report: what is trained once a seed and fold. */
export interface PlannedModel {
  readonly name: string
  readonly kind: ModelKind
  readonly method: string
  /** joined by ` + ` where there are several */
  readonly teacher?: string | undefined
  readonly control?: string | undefined
  readonly runs: readonly ModelRun[]
  /** stages by provider */
  readonly latency: readonly string[]
  /** of the first seed and fold */
  readonly attribution?: string | undefined
}

export interface StudyPlan {
  /** in an order in which they can run */
  readonly stages: ReadonlyMap<string, Stage>
  readonly models: readonly PlannedModel[]
  /** (seed, fold) pairs */
  readonly groups: readonly { readonly seed: number; readonly fold: number }[]
  /** what was understood otherwise than it was written */
  readonly warnings: readonly string[]
}
