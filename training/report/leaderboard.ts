import type { ModelResult, StudyResults } from '../study/results.js'
import { decimal, duration, interval, milliseconds, percentInterval, whole } from './figures.js'
import { type Html, html } from './html.js'
import { KIND_MARKS } from './pareto-chart.js'
import { beatsMajority, describeCall, latencyOf, recommend } from './recommendation.js'
import { type Column, type Row, table } from './table.js'

/** Models by accuracy, then NLL. */
export function ranked(models: readonly ModelResult[]): ModelResult[] {
  return [...models].sort(
    (a, b) => b.quality.accuracy.value - a.quality.accuracy.value || a.quality.nll.value - b.quality.nll.value,
  )
}

/** Every model with the majority baseline in its place; then how each was made and what it cost. */
export function leaderboard(results: StudyResults): Html {
  return html`${qualityTable(results)}${makingTable(results)}`
}

function qualityTable(results: StudyResults): Html {
  const { model: chosen, call } = recommend(results)
  const columns: Column[] = [
    { head: '#  model' },
    { head: 'accuracy, % [95%]', numeric: true },
    ...(call ? [{ head: 'latency, ms', numeric: true }] : []),
    { head: 'parameters, M', numeric: true },
    { head: 'NLL, nats [95%]', numeric: true },
    { head: 'macro-F1', numeric: true },
    { head: 'AUC', numeric: true },
    { head: 'ECE', numeric: true },
    { head: 'teacher’s label, %', numeric: true },
    { head: 'KL from teacher', numeric: true },
    { head: 'attributions’ cosine', numeric: true },
  ]
  const rows = ranked(results.models).map((model, i): Row & { accuracy: number } => {
    const { quality } = model
    const latency = call && latencyOf(model, call)
    const mark = KIND_MARKS[model.kind]
    return {
      accuracy: quality.accuracy.value,
      className: model === chosen ? 'chosen' : beatsMajority(model, results) ? '' : 'unproven',
      cells: [
        html`<span class="rank">${i + 1}</span> <span class="${model.kind}" title="${model.kind}">${mark.sign}</span> ${model.name}${model === chosen ? html` <span class="tag">deploy</span>` : undefined}`,
        html`${decimal(100 * quality.accuracy.value, 1)} <span class="ci">${percentInterval(quality.accuracy)}</span>`,
        ...(call ? [latency ? milliseconds(latency.p50Ms) : '–'] : []),
        decimal(model.parameters / 1e6, 1),
        html`${decimal(quality.nll.value)} <span class="ci">${interval(quality.nll)}</span>`,
        decimal(quality.macroF1.value),
        decimal(quality.auc.value),
        decimal(quality.ece.value),
        model.agreement ? decimal(100 * model.agreement.value, 1) : '–',
        model.klFromTeacher ? decimal(model.klFromTeacher.value) : '–',
        model.attributionSimilarity ? decimal(model.attributionSimilarity.value, 2) : '–',
      ],
    }
  })
  const { majority } = results
  const baseline: Row = {
    className: 'majority',
    cells: [
      `always “${majority.label}”`,
      decimal(100 * majority.accuracy, 1),
      ...(call ? ['–'] : []),
      '–',
      ...[majority.nll, majority.macroF1, majority.auc, majority.ece].map((value) => decimal(value)),
      '–',
      '–',
      '–',
    ],
  }
  const place = rows.findIndex(({ accuracy }) => accuracy < majority.accuracy)
  const at = place < 0 ? rows.length : place
  const examples = results.models[0]?.quality
  const timed = call ? `; median latency of ${describeCall(call)}` : ''
  return table(
    `${whole(examples?.examples ?? 0)} ${examples?.split ?? ''} cases, calibrated, means over seeds${timed}`,
    columns,
    [...rows.slice(0, at), baseline, ...rows.slice(at)],
  )
}

/** Lowest and highest accuracy of one seed alone. */
function seedRange({ seeds }: ModelResult): string {
  const accuracies = seeds.map(({ figures }) => 100 * figures.accuracy)
  if (accuracies.length === 1) return decimal(accuracies[0]!, 1)
  return `${decimal(Math.min(...accuracies), 1)} to ${decimal(Math.max(...accuracies), 1)}`
}

function makingTable(results: StudyResults): Html {
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
        `${model.architecture} (${model.layers}\u00a0×\u00a0${model.hiddenSize})`,
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
