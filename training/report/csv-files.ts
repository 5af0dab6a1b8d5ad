/** The tables of a study as CSV (RFC 4180), in full precision. */
import type { StudyResults } from '../study/results.js'
import { ranked } from './ranking.js'

type Cell = string | number | undefined

const METRICS = ['accuracy', 'macroF1', 'auc', 'nll', 'brier', 'ece', 'eceEqualMass'] as const

/** @returns file names with their contents: leaderboard.csv, comparisons.csv, curves.csv */
export function csvFiles(results: StudyResults): Record<string, string> {
  return {
    'leaderboard.csv': leaderboardCsv(results),
    'comparisons.csv': comparisonsCsv(results),
    'curves.csv': curvesCsv(results),
  }
}

/** One row a model, and the majority baseline last; latencies as one column a kind of call. */
function leaderboardCsv({ models, majority }: StudyResults): string {
  const made = ['kind', 'architecture', 'parameters', 'compression', 'start', 'method', 'teacher', 'control'] as const
  const calls = [
    ...new Set(
      models.flatMap(({ latency }) => latency.map(({ provider, batch, tokens }) => `${provider}_${batch}x${tokens}`)),
    ),
  ]
  const head = [
    'model',
    ...made,
    'seeds',
    ...METRICS.flatMap((metric) => [metric, `${metric}_low`, `${metric}_high`, `${metric}_uncalibrated`]),
    'agreement',
    'kl_from_teacher',
    'attribution_similarity',
    'training_seconds',
    'sequences_per_second',
    ...calls.flatMap((call) => [`p50_ms_${call}`, `p95_ms_${call}`]),
  ]
  const rows = ranked(models).map((model): Cell[] => {
    const latencies = new Map(model.latency.map((row) => [`${row.provider}_${row.batch}x${row.tokens}`, row]))
    return [
      model.name,
      ...made.map((key) => model[key]),
      model.seeds.length,
      ...METRICS.flatMap((metric) => {
        const { value, low, high } = model.quality[metric]
        return [value, low, high, model.uncalibrated[metric].value]
      }),
      model.agreement?.value,
      model.klFromTeacher?.value,
      model.attributionSimilarity?.value,
      model.trainingSeconds,
      model.sequencesPerSecond,
      ...calls.flatMap((call) => [latencies.get(call)?.p50Ms, latencies.get(call)?.p95Ms]),
    ]
  })
  const baseline: Cell[] = [`always ${majority.label}`, 'majority', ...Array<undefined>(made.length).fill(undefined)]
  for (const metric of METRICS) baseline.push(majority[metric], undefined, undefined, undefined)
  return csv(head, [...rows, [...baseline, ...Array<undefined>(head.length - baseline.length).fill(undefined)]])
}

function comparisonsCsv({ comparisons }: StudyResults): string {
  const metrics = ['accuracy', 'macroF1', 'nll'] as const
  const head = [
    'a',
    'b',
    ...metrics.flatMap((metric) => [`${metric}_difference`, `${metric}_low`, `${metric}_high`]),
    'only_b_right',
    'only_a_right',
    'test',
    'p_mcnemar',
    'p_holm',
  ]
  return csv(
    head,
    comparisons.map((comparison) => [
      comparison.a,
      comparison.b,
      ...metrics.flatMap((metric) => [comparison[metric].value, comparison[metric].low, comparison[metric].high]),
      ...comparison.discordant,
      comparison.test,
      comparison.pMcNemar,
      comparison.pHolm,
    ]),
  )
}

function curvesCsv({ models }: StudyResults): string {
  const rows = models.flatMap(({ name, curves }) =>
    curves.flatMap(({ seed, fold, bestEpoch, epochs }) =>
      epochs.map(({ epoch, trainLoss, validationNll, validationAccuracy }): Cell[] => [
        name,
        seed,
        fold,
        epoch,
        trainLoss,
        validationNll,
        validationAccuracy,
        epoch === bestEpoch ? 1 : 0,
      ]),
    ),
  )
  return csv(['model', 'seed', 'fold', 'epoch', 'train_loss', 'validation_nll', 'validation_accuracy', 'kept'], rows)
}

function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('')
}

/** Text that a spreadsheet would run as a formula starts with an apostrophe. */
function quoted(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
