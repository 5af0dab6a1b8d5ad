import type { StudyResults } from '../study/results.js'
import type { Html } from './html.js'
import { table } from './table.js'

/** The trials of a sweep, best validation NLL first. */
export function sweepTable({ description, trials }: StudyResults['sweeps'][number]): Html {
  const names = [...new Set(trials.flatMap(({ parameters }) => Object.keys(parameters)))]
  const sorted = [...trials].sort((a, b) => (a.validationNll ?? Infinity) - (b.validationNll ?? Infinity))
  return table(
    description,
    [
      { head: 'trial' },
      ...names.map((head) => ({ head, numeric: true })),
      { head: 'validation NLL, nats', numeric: true },
    ],
    sorted.map((trial) => ({
      className: trial.chosen ? 'chosen' : '',
      cells: [
        `${trials.indexOf(trial) + 1}${trial.chosen ? ' (chosen)' : ''}`,
        ...names.map((name) => shown(trial.parameters[name])),
        trial.validationNll?.toFixed(4) ?? 'failed',
      ],
    })),
  )
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '–')
}
