import type { StudyResults } from '../study/results.js'

/** A warning, and how many others differ from it in figures alone (other seeds, other folds). */
export interface ShownWarning {
  readonly text: string
  readonly alike: number
}

/** The study's warnings, then those of its models with their names, each said once. */
export function shownWarnings({ warnings, models }: Pick<StudyResults, 'warnings' | 'models'>): ShownWarning[] {
  const ofModels = models.flatMap((model) =>
    model.warnings.map((text) => (isNamed(text, model.name) ? text : `${model.name}: ${text}`)),
  )
  const groups = new Map<string, string[]>()
  for (const text of new Set([...warnings, ...ofModels])) {
    const shape = withoutFigures(text)
    groups.set(shape, [...(groups.get(shape) ?? []), text])
  }
  return [...groups.values()].map(([text, ...others]) => ({ text: text!, alike: others.length }))
}

/** Warnings of a training begin with its name, seed and fold. */
function isNamed(text: string, model: string): boolean {
  return text.startsWith(`${model}:`) || text.startsWith(`${model}, `)
}

/** Numbers that stand alone; those within names stay, since 2x384 and 4x384 are two models. */
function withoutFigures(text: string): string {
  return text.replace(/(?<![\w-])\d+([.,]\d+)*(?![\w-])/g, '#')
}
