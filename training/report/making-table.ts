import type { ModelResult, StudyResults } from '../study/results.js'
import { decimal, duration, whole } from './figures.js'
import { type Html, html } from './html.js'
import { ranked } from './ranking.js'
import { type Column, type Row, table } from './table.js'

/** Lowest and highest accuracy of one seed alone. */
function seedRange({ seeds }: ModelResult): string {
  const accuracies = seeds.map(({ figures }) => 100 * figures.accuracy)
  if (accuracies.length === 1) return decimal(accuracies[0]!, 1)
  return `${decimal(Math.min(...accuracies), 1)} to ${decimal(Math.max(...accuracies), 1)}`
}

/** How each model came to be, in the order of the leaderboard. */
export function makingTable(results: StudyResults): Html {
  const columns: Column[] = [
    { head: '#  model' },
    { head: 'architecture' },
    { head: 'compression', numeric: true },
    { head: 'starts from' },
    { head: 'method' },
    { head: 'teacher' },
    { head: 'control' },
    { head: 'seeds', numeric: true },
    { head: 'accuracy of each, %', numeric: true },
    { head: 'trained for', numeric: true },
    { head: 'sequences/s', numeric: true },
  ]
  const rows = ranked(results.models).map(
    (model, i): Row => ({
      cells: [
        html`<span class="rank">${i + 1}</span> ${model.name}`,
        sized(model),
        `${decimal(model.compression, 1)}×`,
        model.start,
        model.method,
        model.teacher ?? '–',
        model.control ?? '–',
        model.seeds.length,
        seedRange(model),
        duration(model.trainingSeconds),
        whole(model.sequencesPerSecond),
      ],
    }),
  )
  return table('How each model was made', columns, rows)
}

/** The architecture with its layers and width, unless its name says them. */
function sized({ architecture, layers, hiddenSize }: ModelResult): string {
  const named = architecture.endsWith(`${layers}x${hiddenSize}`)
  return named ? architecture : `${architecture} (${layers}\u00a0×\u00a0${hiddenSize})`
}
