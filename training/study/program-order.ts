/** The order in which stages find most of their programs compiled: those with equal ones one after the other. Pure. */
import { needsTeacherInside } from '../recipes/losses-config.js'
import type { FitStage, Stage } from './stages.js'

/**
 * @param stages in an order in which they can run
 * @returns them in one in which they can run too: after each comes the first with the same programs that can run by then,
 *   such as the same fit with another seed, else the first of all
 */
export function byProgram<T extends { readonly stage: Stage }>(
  stages: readonly T[],
  programs: (item: T) => string,
): T[] {
  const waiting = new Map(stages.map((item) => [item.stage.key, { item, key: programs(item) }]))
  const order: T[] = []
  let last: string | undefined
  while (waiting.size > 0) {
    const ready = [...waiting.values()].filter(({ item }) => !item.stage.dependsOn.some((key) => waiting.has(key)))
    const next = ready.find(({ key }) => key === last) ?? ready[0]!
    order.push(next.item)
    waiting.delete(next.item.stage.key)
    last = next.key
  }
  return order
}

/**
 * Equal for stages that compile the same. Folds are kept apart, whose last batches differ in size and whose texts are tokenised
 * anew.
 * @param fitOf the fit of a key
 */
export function programsOf(stage: Stage, fitOf: (key: string) => FitStage): string {
  switch (stage.kind) {
    case 'fit': {
      const { kind, encoder, losses, maxTokens, fold, hard } = stage
      const inside = needsTeacherInside(losses) && stage.teachers[0]
      const teacher = inside ? fitOf(inside.stage).encoder : undefined
      const { epochs: _e, learning_rate: _l, warmup: _w, patience: _p, ...step } = stage.optimisation
      return JSON.stringify([kind, encoder, losses, teacher, step, maxTokens, fold, hard?.share])
    }
    case 'outputs':
    case 'attribution': {
      const { encoder, maxTokens } = fitOf(stage.of)
      return JSON.stringify([stage.kind, encoder, maxTokens, stage.fold])
    }
    default:
      return stage.key
  }
}
