import type { MajorityBaseline } from '../../src/family/family-schema.js'
import type { ModelResult, StudyResults } from '../study/results.js'
import { decimal, interval, milliseconds, percentInterval, whole } from './figures.js'
import { type Html, html } from './html.js'
import { KIND_MARKS } from './pareto-chart.js'
import { ranked } from './ranking.js'
import { beatsMajority, type Call, describeCall, latencyOf, recommend } from './recommendation.js'
import { type Row, table } from './table.js'

/** Every model with the majority baseline in its place. */
export function leaderboard(results: StudyResults): Html {
  const { model: chosen, call } = recommend(results)
  const models = ranked(results.models)
  const shown = measures(call).filter(({ ofModel }) => models.some((model) => ofModel(model) !== undefined))
  const rows = models.map(
    (model, i): Row => ({
      className: model === chosen ? 'chosen' : beatsMajority(model, results) ? '' : 'unproven',
      cells: [nameCell(model, i + 1, model === chosen), ...shown.map(({ ofModel }) => ofModel(model) ?? '–')],
    }),
  )
  const { majority } = results
  const baseline: Row = {
    className: 'majority',
    cells: [`always “${majority.label}”`, ...shown.map(({ ofMajority }) => ofMajority?.(majority) ?? '–')],
  }
  const below = models.findIndex(({ quality }) => quality.accuracy.value < majority.accuracy)
  const place = below < 0 ? rows.length : below
  const examples = models[0]?.quality
  const timed = call ? `; median latency of ${describeCall(call)}` : ''
  return table(
    `${whole(examples?.examples ?? 0)} ${examples?.split ?? ''} cases, calibrated, means over seeds${timed}`,
    [{ head: '#  model' }, ...shown.map(({ head }) => ({ head, numeric: true }))],
    [...rows.slice(0, place), baseline, ...rows.slice(place)],
  )
}

interface Measure {
  readonly head: string
  readonly ofModel: (model: ModelResult) => Html | string | undefined
  readonly ofMajority?: (majority: MajorityBaseline) => string
}

/** The columns, what decides a deployment first. */
function measures(call: Call | undefined): Measure[] {
  const plain = (head: string, metric: 'macroF1' | 'auc' | 'ece'): Measure => ({
    head,
    ofModel: ({ quality }) => decimal(quality[metric].value),
    ofMajority: (majority) => decimal(majority[metric]),
  })
  return [
    {
      head: 'accuracy, % [95%]',
      ofModel: ({ quality: { accuracy } }) =>
        html`${decimal(100 * accuracy.value, 1)} <span class="ci">${percentInterval(accuracy)}</span>`,
      ofMajority: ({ accuracy }) => decimal(100 * accuracy, 1),
    },
    {
      head: 'latency, ms',
      ofModel: (model) => {
        const latency = call && latencyOf(model, call)
        return latency && milliseconds(latency.p50Ms)
      },
    },
    { head: 'parameters, M', ofModel: ({ parameters }) => decimal(parameters / 1e6, 1) },
    {
      head: 'NLL, nats [95%]',
      ofModel: ({ quality: { nll } }) => html`${decimal(nll.value)} <span class="ci">${interval(nll)}</span>`,
      ofMajority: ({ nll }) => decimal(nll),
    },
    plain('macro-F1', 'macroF1'),
    plain('AUC', 'auc'),
    plain('ECE', 'ece'),
    { head: 'teacher’s label, %', ofModel: ({ agreement }) => agreement && decimal(100 * agreement.value, 1) },
    { head: 'KL from teacher', ofModel: ({ klFromTeacher }) => klFromTeacher && decimal(klFromTeacher.value) },
    {
      head: 'attributions’ cosine',
      ofModel: ({ attributionSimilarity }) => attributionSimilarity && decimal(attributionSimilarity.value, 2),
    },
  ]
}

function nameCell({ name, kind }: ModelResult, rank: number, chosen: boolean): Html {
  const tag = chosen ? html` <span class="tag">deploy</span>` : undefined
  return html`<span class="rank">${rank}</span> <span class="${kind}" title="${kind}">${KIND_MARKS[kind].sign}</span> ${name}${tag}`
}
