import type { Stage } from './stages.js'

/**
 * Brings stages whose programs are the same together, other seeds and folds of a model above all, so that what an engine has
 * compiled for one serves the next. A stage may come before one that it depends on.
 */
export function byProgram<T extends { readonly stage: Stage }>(stages: readonly T[]): T[] {
  const alike = new Map<string, T[]>()
  for (const item of stages) {
    const program = programOf(item.stage)
    alike.set(program, [...(alike.get(program) ?? []), item])
  }
  return [...alike.values()].flat()
}

function programOf(stage: Stage): string {
  if (stage.kind !== 'fit') return stage.kind === 'outputs' ? stage.kind : stage.key
  const { kind, encoder, losses, optimisation, hard } = stage
  return JSON.stringify({ kind, encoder, losses, optimisation, hard: hard !== undefined })
}
