/**
 * Which losses a student minimises, and with which weights: their configuration, and the named methods of the field. Keys are
 * snake_case, as users write them. The total is the weighted sum of the losses that are named; a weight of 0 leaves one out.
 */
import { type Static, Type } from 'typebox'
import { InvalidConfiguration } from '../../src/errors.js'

const closed = { additionalProperties: false }
const weight = (value: number) => Type.Number({ minimum: 0, maximum: 1, default: value })
const index = Type.Integer({ minimum: 0 })

/**
 * Which student layer learns from which teacher layer. Layers count from 1, so that hidden state i is what layer i puts out;
 * 0 is the embeddings, which only hidden states have. For S student and T teacher layers:
 * - `uniform`: i ↔ i · T/S, hidden states with 0 ↔ 0; T must be a multiple of S
 * - `all`: i ↔ i, hidden states with 0 ↔ 0; T must equal S
 * - `first-middle-last`: the first, middle and last layers; both need at least 3
 * - `late`: the student's layers ↔ the teacher's last S
 * - a list of [student, teacher] pairs
 */
export const LayerMapConfig = Type.Union([
  Type.Literal('uniform'),
  Type.Literal('all'),
  Type.Literal('first-middle-last'),
  Type.Literal('late'),
  Type.Array(Type.Tuple([index, index]), { minItems: 1 }),
])
export type LayerMapConfig = Static<typeof LayerMapConfig>

const layers = Type.Union([...LayerMapConfig.anyOf], { default: 'uniform' })

export const LossesConfig = Type.Object(
  {
    /** T² · KL(teacher ‖ student) of the logits */
    soft: Type.Optional(
      Type.Object({ weight: weight(0.9), temperature: Type.Number({ minimum: 1, maximum: 10, default: 2 }) }, closed),
    ),
    /** cross-entropy with the labels */
    hard: Type.Optional(
      Type.Object(
        { weight: weight(0.1), label_smoothing: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0 }) },
        closed,
      ),
    ),
    /** mean squared error of mapped hidden states, through a learnt projection where widths differ */
    hidden: Type.Optional(Type.Object({ weight: weight(1), layers }, closed)),
    /** mean squared error of attention scores before the softmax */
    attention: Type.Optional(
      Type.Object(
        {
          weight: weight(1),
          layers,
          /** scores: head by head, for equal head counts; head_mean: of their means; auto: scores where counts are equal */
          form: Type.Union([Type.Literal('scores'), Type.Literal('head_mean'), Type.Literal('auto')], {
            default: 'auto',
          }),
        },
        closed,
      ),
    ),
    /** KL of query-query, key-key and value-value relations */
    relations: Type.Optional(
      Type.Object(
        {
          weight: weight(1),
          /** relation heads; they divide both widths. auto: the number nearest to 48 whose heads are at least 8 wide */
          heads: Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('auto')], { default: 'auto' }),
          /** the last layers of both unless told otherwise */
          layers: Type.Optional(LayerMapConfig),
        },
        closed,
      ),
    ),
    /** mean squared error of L2-normalised [CLS] states */
    cls: Type.Optional(Type.Object({ weight: weight(1), layers }, closed)),
  },
  closed,
)
export type LossesConfig = Static<typeof LossesConfig>

const vanilla = {
  soft: { weight: 0.9, temperature: 2 },
  hard: { weight: 0.1, label_smoothing: 0 },
} satisfies LossesConfig

/**
 * Sets of losses by the names that the field gives them. All but `control` hold what `vanilla` holds, so that they compare. What
 * looks inside weighs little enough that its gradient does not drown that of the targets: over the first steps of students of
 * a 6 x 384 MiniLM, gradient norms at weight 1 are 0.5 to 1.4 (hidden), 3 to 18 (attention), 0.5 to 1.6 (relations), 0.6 to 3
 * (cls) beside 0.15 for vanilla.
 */
export const METHODS = {
  /** no teacher: plain fine-tuning, what every distillation has to beat */
  control: { hard: { weight: 1, label_smoothing: 0 } },
  /** Hinton et al. 2015 */
  vanilla,
  /** FitNets (Romero et al. 2015); the hidden states of TinyBERT (Jiao et al. 2020) */
  feature: { ...vanilla, hidden: { weight: 0.3, layers: 'uniform' } },
  /** TinyBERT: hidden states and attention scores */
  attention: {
    ...vanilla,
    hidden: { weight: 0.3, layers: 'uniform' },
    attention: { weight: 0.03, layers: 'uniform', form: 'auto' },
  },
  /** MiniLMv2 (Wang et al. 2021) */
  relations: { ...vanilla, relations: { weight: 0.3, heads: 'auto' } },
  /** patient knowledge distillation (Sun et al. 2019) */
  pkd: { ...vanilla, cls: { weight: 0.3, layers: 'uniform' } },
} as const satisfies Readonly<Record<string, LossesConfig>>
export type MethodName = keyof typeof METHODS

export const METHOD_NAMES = Object.keys(METHODS) as MethodName[]

/** @returns whether training needs the teacher's logits on its examples */
export function needsTeacherLogits({ soft }: LossesConfig): boolean {
  return (soft?.weight ?? 0) > 0
}

/** @returns whether the frozen teacher has to run inside the training step */
export function needsTeacherInside({ hidden, attention, relations, cls }: LossesConfig): boolean {
  return [hidden, attention, relations, cls].some((loss) => (loss?.weight ?? 0) > 0)
}

/**
 * @param source the key, for the message
 * @throws InvalidConfiguration when nothing would be learnt
 */
export function checkLosses(losses: LossesConfig, source: string): LossesConfig {
  const weights = Object.values(losses).map((loss) => loss.weight)
  if (!weights.some((weight) => weight > 0)) {
    throw new InvalidConfiguration(source, 'no loss has a weight above 0; give at least one of soft, hard, hidden, …')
  }
  return losses
}
