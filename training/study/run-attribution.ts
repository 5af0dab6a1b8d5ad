import { join } from 'node:path'
import { argmax } from '../../src/family/softmax.js'
import { attributeSequences } from '../attribution/attribute-sequences.js'
import { readJson, writeJson } from '../recipes/run-folder.js'
import type { StageContext } from './stage-context.js'
import type { StageResult, StageStore } from './stage-store.js'
import type { AttributionStage } from './stages.js'

/** What a model makes of one validation text; the file of an attribution stage holds a list of them. */
export interface TextAttribution {
  readonly exampleId: string
  /** class whose logit is explained: the teacher's answer */
  readonly target: number
  /** one a token of the text, special tokens left out; in logits */
  readonly tokens: readonly number[]
  /** convergence delta, in logits */
  readonly delta: number
}

/** Attributes validation texts, evenly spread over the fold's validation side and the same for every model. */
export async function runAttribution(
  stage: AttributionStage,
  context: StageContext,
): Promise<Omit<StageResult, 'kind' | 'name' | 'finishedAt' | 'device'>> {
  const began = performance.now()
  const { store, engine, data } = context
  const fit = context.fit(stage.of)
  const maxTokens = Math.min(fit.maxTokens, context.fit(stage.teacher).maxTokens)
  const { validation } = await context.sides(stage.fold, maxTokens)
  const teacher = await store.logits(stage.teacher, 'validation')
  const chosen = spread(validation.sequences.length, stage.texts)
  const targets = chosen.map((i) => argmax(teacher[i]!))
  const model = { config: fit.encoder, parameters: await store.parameters(stage.of) }
  const sequences = chosen.map((i) => validation.sequences[i]!)
  const attributions = await attributeSequences(engine, model, sequences, targets, { steps: stage.steps })
  const examples = data.folds[stage.fold]!.sides.validation
  const texts = attributions.map(
    ({ tokens, target, delta }, i): TextAttribution => ({
      exampleId: examples[chosen[i]!]!.id,
      target,
      // [CLS] and [SEP] are 0 by definition
      tokens: [...tokens.slice(1, -1)],
      delta,
    }),
  )
  await writeJson(attributionFile(store, stage.key), texts)
  return { seconds: (performance.now() - began) / 1000 }
}

export async function readAttributions(
  store: StageStore,
  key: string,
): Promise<readonly TextAttribution[] | undefined> {
  return store.isFinished(key) ? readJson<TextAttribution[]>(attributionFile(store, key)) : undefined
}

function attributionFile(store: StageStore, key: string): string {
  return join(store.folder(key), 'attributions.json')
}

/** @returns at most `wanted` indices below `count`, evenly spaced */
function spread(count: number, wanted: number): number[] {
  const taken = Math.min(count, wanted)
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken))
}
