import type { Estimate } from '../../src/family/family-schema.js'
import { softmax } from '../../src/family/softmax.js'
import { attributionSimilarity, l2Normalised } from '../attribution/similarity.js'
import type { AttributionExample } from './results.js'
import { readAttributions, type TextAttribution } from './run-attribution.js'
import type { StudyContext } from './stage-context.js'
import type { AttributionStage, PlannedModel, StudyPlan } from './stages.js'

export interface AttributionResults {
  /** with the teacher's attributions, by model; the teacher's own left out */
  readonly similarities: ReadonlyMap<string, Estimate>
  /** some texts with all models side by side, teacher first */
  readonly examples: AttributionExample[]
}

/** Compares every model's attributions with those of its teacher, over the same texts and labels. */
export async function attributionResults(context: StudyContext, plan: StudyPlan): Promise<AttributionResults> {
  const { store, config } = context
  const similarities = new Map<string, Estimate>()
  if (!config.attribution) return { similarities, examples: [] }
  const found: { model: PlannedModel; stage: AttributionStage; texts: readonly TextAttribution[] }[] = []
  for (const model of plan.models) {
    const texts = await readAttributions(store, model.attribution!)
    if (texts) found.push({ model, stage: plan.stages.get(model.attribution!) as AttributionStage, texts })
  }
  const bootstrap = { resamples: config.bootstrap_resamples }
  for (const { model, stage, texts } of found) {
    const teacher = found.find((other) => other.stage.of === stage.teacher)
    if (!teacher || teacher.model === model) continue
    const [of, held] = comparable(teacher.texts, texts)
    similarities.set(model.name, attributionSimilarity(of, held, bootstrap).similarity)
  }
  const first = found[0]
  if (!first) return { similarities, examples: [] }
  const same = found.filter(({ stage }) => stage.teacher === first.stage.of)
  return { similarities, examples: await examplesOf(context, same) }
}

/** Tokens that both models read: a model of fewer positions sees the beginning of a text. */
function comparable(a: readonly TextAttribution[], b: readonly TextAttribution[]): [number[][], number[][]] {
  const cut = (text: TextAttribution, other: TextAttribution | undefined) => text.tokens.slice(0, other?.tokens.length)
  return [a.map((text, i) => cut(text, b[i])), b.map((text, i) => cut(text, a[i]))]
}

async function examplesOf(
  context: StudyContext,
  models: readonly { model: PlannedModel; stage: AttributionStage; texts: readonly TextAttribution[] }[],
): Promise<AttributionExample[]> {
  const { config, data, store } = context
  const [teacher] = models
  const { fold } = teacher!.stage
  const examples = data.folds[fold]!.sides.validation
  const { tokenizer } = await context.tokenizer(fold)
  const shown: AttributionExample[] = []
  for (const [i, { exampleId, target }] of teacher!.texts.slice(0, config.attribution!.shown).entries()) {
    const position = examples.findIndex(({ id }) => id === exampleId)
    const { text, label } = examples[position]!
    const tokens = Math.min(...models.map(({ texts }) => texts[i]!.tokens.length))
    const offsets = (await tokenizer.encode(text)).offsets().slice(0, tokens)
    const ofModels = await Promise.all(
      models.map(async ({ model, stage, texts }) => ({
        name: model.name,
        probability: softmax((await store.logits(stage.of, 'validation'))[position]!)[target]!,
        attributions: l2Normalised(texts[i]!.tokens.slice(0, tokens)),
        delta: texts[i]!.delta,
      })),
    )
    shown.push({
      exampleId,
      text,
      label,
      target: data.dataset.labels[target]!,
      offsets: offsets.map(({ start, end }): [number, number] => [start, end]),
      models: ofModels,
    })
  }
  return shown
}
