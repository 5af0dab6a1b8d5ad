import { InvalidConfiguration } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { type AttentionForm, attentionForm, attentionScoreTerm } from './attention-scores.js'
import { clsStateTerm } from './cls-states.js'
import { crossEntropyTerm } from './cross-entropy.js'
import { hiddenStateTerm } from './hidden-states.js'
import { type LayerMapSpec, layerMap } from './layer-map.js'
import type { Loss } from './loss.js'
import { relationHeadCount, relationTerm } from './relations.js'
import { softTargetTerm } from './soft-target.js'
import type { Term } from './term.js'
import { type FrozenModel, weightedSum } from './weighted-sum.js'

/** The losses of a student and their weights, each in [0, 1]; what is not named, or weighs 0, is left out. */
export interface DistillationLosses {
  readonly soft?: { readonly weight: number; readonly temperature: number } | undefined
  readonly hard?: { readonly weight: number; readonly labelSmoothing: number } | undefined
  readonly hidden?: { readonly weight: number; readonly layers: LayerMapSpec } | undefined
  readonly attention?:
    | { readonly weight: number; readonly layers: LayerMapSpec; readonly form: AttentionForm | 'auto' }
    | undefined
  readonly relations?:
    | {
        readonly weight: number
        readonly heads: number | 'auto'
        /** the last layers of both unless told otherwise */
        readonly layers?: LayerMapSpec | undefined
      }
    | undefined
  readonly cls?: { readonly weight: number; readonly layers: LayerMapSpec } | undefined
}

/**
 * The objective of any distillation: a weighted sum of losses, each checked against the sizes of both models.
 * @param teacher who runs in the step where a loss looks inside; without one there are soft (from the batch's `teacherLogits`)
 * and hard targets only
 * @throws InvalidConfiguration when a layer map or the relation heads do not fit, with what would
 */
export function distillationLoss(losses: DistillationLosses, student: EncoderConfig, teacher?: FrozenModel): Loss {
  const { soft, hard, ...inside } = losses
  const terms: Term[] = []
  if (soft) terms.push(softTargetTerm(soft.weight, soft.temperature))
  if (hard) terms.push(crossEntropyTerm(hard.weight, hard.labelSmoothing))
  if (teacher) return weightedSum([...terms, ...insideTerms(inside, student, teacher.config)], teacher)
  const orphan = Object.entries(inside).find(([, loss]) => used(loss))?.[0]
  if (orphan !== undefined) {
    throw new InvalidConfiguration('losses', `${orphan} looks inside a teacher, and there is none; leave it out`)
  }
  return weightedSum(terms)
}

type InsideLosses = Omit<DistillationLosses, 'soft' | 'hard'>

function insideTerms(losses: InsideLosses, student: EncoderConfig, teacher: EncoderConfig): Term[] {
  const { hidden, attention, relations, cls } = losses
  const sizes = { studentLayers: student.layers, teacherLayers: teacher.layers }
  const widths = { student: student.hiddenSize, teacher: teacher.hiddenSize }
  const heads = { student: student.heads, teacher: teacher.heads }
  const terms: Term[] = []
  if (used(hidden)) {
    const pairs = layerMap(hidden.layers, { ...sizes, embeddings: true }, 'hidden.layers')
    terms.push(hiddenStateTerm(hidden.weight, pairs, widths))
  }
  if (used(attention)) {
    const pairs = layerMap(attention.layers, sizes, 'attention.layers')
    terms.push(attentionScoreTerm(attention.weight, pairs, attentionForm(attention.form, heads)))
  }
  if (used(relations)) {
    const last = [[student.layers, teacher.layers]] as const
    const pairs = layerMap(relations.layers ?? last, sizes, 'relations.layers')
    terms.push(relationTerm(relations.weight, pairs, relationHeadCount(relations.heads, widths)))
  }
  if (used(cls)) {
    // at layer 0 every text has the same [CLS]: there is nothing to learn from it
    terms.push(clsStateTerm(cls.weight, layerMap(cls.layers, sizes, 'cls.layers'), widths))
  }
  return terms
}

function used<T extends { readonly weight: number }>(loss: T | undefined): loss is T {
  return loss !== undefined && loss.weight !== 0
}
