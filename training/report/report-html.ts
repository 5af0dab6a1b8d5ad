/**
 * The report page of a study: one file that needs no network, no script and nothing beside it, made from report.json alone.
 */
import { stringify } from 'yaml'
import type { ModelKind, StudyResults } from '../study/results.js'
import { comparisonTable } from './comparison-table.js'
import { curvesChart } from './curves-chart.js'
import { dataSection } from './data-section.js'
import { duration } from './figures.js'
import { heatMaps } from './heat-map.js'
import { type Html, html, raw } from './html.js'
import { leaderboard } from './leaderboard.js'
import { makingTable } from './making-table.js'
import { KIND_MARKS, paretoChart } from './pareto-chart.js'
import { ranked } from './ranking.js'
import { describeCall, latencyOf } from './recommendation.js'
import { reliabilityChart } from './reliability-chart.js'
import { STYLESHEET } from './stylesheet.js'
import { summarySentences } from './summary.js'
import { sweepTable } from './sweep-table.js'
import { table } from './table.js'
import { shownWarnings } from './warnings.js'

const SMALL_CHART = { width: 380, height: 320 }
const RELIABILITY_CHART = { width: 340, height: 300 }
const PARETO_SIZES = { wide: { width: 900, height: 460 }, narrow: { width: 350, height: 400 } }
/** Nothing is loaded, and no script runs, even if one came in with the data. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

interface Section {
  readonly id: string
  readonly title: string
  readonly body: Html
}

/** @returns the whole page */
export function reportHtml(results: StudyResults): string {
  const shown = sections(results)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${results.name}: which model to deploy</title>
<style>${raw(STYLESHEET)}</style>
</head>
<body>
<header>
<h1>${results.name}: which model to deploy</h1>
<p class="byline">${results.description === '' ? undefined : html`${results.description} `}${results.createdAt.slice(0, 10)}</p>
<div class="summary">${summarySentences(results).map((sentence) => html`<p>${sentence}</p>`)}</div>
${alarms(results)}
<nav aria-label="Sections"><ul>${shown.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>
${shown.map(({ id, title, body }) => html`<section id="${id}"><h2>${title}</h2>\n${body}</section>\n`)}
</main>
<footer><p class="note">Made from report.json, which holds every figure of this page; leaderboard.csv, comparisons.csv and curves.csv hold its tables and curves.</p></footer>
</body>
</html>
`.text
}

/** What went wrong or casts doubt, before any figure. */
function alarms(results: StudyResults): Html {
  const { failures } = results
  const warnings = shownWarnings(results)
  return html`${
    failures.length > 0
      ? html`<section class="alarm" role="alert"><h2>Failed: ${failures.length} ${failures.length === 1 ? 'stage' : 'stages'}</h2><ul>${failures.map(({ stage, error }) => html`<li><strong>${stage}</strong>: ${error}</li>`)}</ul></section>`
      : undefined
  }${
    warnings.length > 0
      ? html`<section class="alarm"><h2>Warnings</h2><ul>${warnings.map(({ text, alike }) => html`<li>${text}${alike > 0 ? html` <span class="ci">(and ${alike} alike, with other figures)</span>` : undefined}</li>`)}</ul></section>`
      : undefined
  }`
}

function sections(results: StudyResults): Section[] {
  const models = ranked(results.models)
  const found: (Section | undefined)[] = [
    models.length > 0 ? { id: 'leaderboard', title: 'Leaderboard', body: leaderboardSection(results) } : undefined,
    results.pareto.length > 0
      ? { id: 'pareto', title: 'Quality against latency', body: paretoSection(results) }
      : undefined,
    results.comparisons.length > 0
      ? { id: 'comparisons', title: 'Comparisons', body: comparisonSection(results) }
      : undefined,
    models.some(({ curves }) => curves.length > 0)
      ? { id: 'curves', title: 'Training curves', body: curvesSection(results) }
      : undefined,
    models.length > 0 ? { id: 'calibration', title: 'Calibration', body: calibrationSection(results) } : undefined,
    results.attributions.length > 0
      ? { id: 'attributions', title: 'Attributions', body: attributionSection(results) }
      : undefined,
    results.sweeps.length > 0
      ? { id: 'sweeps', title: 'Sweeps', body: html`${results.sweeps.map(sweepTable)}` }
      : undefined,
    { id: 'data', title: 'Data', body: dataSection(results) },
    { id: 'run', title: 'Run', body: runSection(results) },
    { id: 'config', title: 'Configuration', body: html`<pre>${stringify(results.config)}</pre>` },
  ]
  return found.filter((section) => section !== undefined)
}

function leaderboardSection(results: StudyResults): Html {
  return html`${kindLegend()}<p>Grey rows are not shown to beat the majority baseline in accuracy: their 95% interval reaches down to it. Intervals are over cases (bootstrap; a case is drawn with all seeds’ predictions of it); Cosine: mean similarity of attributions with the teacher’s.</p>
${leaderboard(results)}${makingTable(results)}`
}

function kindLegend(): Html {
  const kinds = Object.entries(KIND_MARKS) as [ModelKind, (typeof KIND_MARKS)[ModelKind]][]
  const names: Record<ModelKind, string> = {
    teacher: 'teacher',
    student: 'distilled student',
    chain: 'progressive chain',
    control: 'fine-tuned control',
  }
  return html`<ul class="legend">${kinds.map(([kind, { sign }]) => html`<li><span class="${kind}">${sign}</span> ${names[kind]}</li>`)}</ul>`
}

function paretoSection(results: StudyResults): Html {
  const ranks = new Map(ranked(results.models).map(({ name }, i) => [name, i + 1]))
  return html`${kindLegend()}<p>Numbers are places in the leaderboard. Vertical bars are 95% intervals of accuracy; horizontal bars run from the median latency to the 95th percentile. The line joins the models that no other beats in both; differences smaller than the bars are not to be relied on.</p>
${results.pareto.map((call, i) => {
  const measured = results.models.some((model) => latencyOf(model, call))
  if (!measured) return undefined
  const chart = (size: 'wide' | 'narrow') =>
    html`<div class="${size}">${paretoChart(`pareto-${i}-${size}`, results, call, ranks, PARETO_SIZES[size])}</div>`
  return html`<figure><figcaption><strong>${describeCall(call)}</strong>. Not beaten: ${call.front.map((name, place) => html`${place === 0 ? '' : ', '}${ranks.get(name) ?? ''} ${name}`)}.</figcaption>${chart('wide')}${chart('narrow')}</figure>`
})}`
}

function comparisonSection(results: StudyResults): Html {
  return html`<p>Each pair answers the same cases. Intervals are paired bootstrap intervals over cases, with the seeds of both models averaged within a case; p is McNemar’s, with a case as the unit (exact where fewer than 25 cases differ, otherwise chi-squared with continuity correction), then corrected by Holm for all ${results.comparisons.length} comparisons. Neither speaks about seeds that were not run.</p>
${comparisonTable(results)}`
}

function curvesSection(results: StudyResults): Html {
  const charts = ranked(results.models).flatMap((model, i) =>
    model.curves.length === 0
      ? []
      : [
          html`<figure><figcaption>${model.name}</figcaption>${curvesChart(`curves-${i}`, model, results, SMALL_CHART)}</figure>`,
        ],
  )
  return html`<p>The line is the mean of all trainings of a model (seeds and folds), the band runs from the lowest to the highest; trainings that stopped early are missing from later epochs. The training loss is that of the method, so that its height cannot be compared between methods. Panels have scales of their own.</p>
<div class="charts">${charts}</div>`
}

function calibrationSection(results: StudyResults): Html {
  const models = ranked(results.models)
  const charts = models.map(
    (model, i) =>
      html`<figure><figcaption>${model.name}</figcaption>${reliabilityChart(`reliability-${i}`, model, RELIABILITY_CHART)}</figure>`,
  )
  return html`<p>Of the answers given with a confidence, how many were right? On the dashed diagonal, confidence can be taken at its word. <span class="control">□</span> before, <span class="student">●</span> after dividing the logits by a temperature that was fitted on validation cases. Bins are 1/15 wide; a larger point stands for more cases.</p>
${calibrationTable(results)}
<div class="charts">${charts}</div>`
}

function calibrationTable(results: StudyResults): Html {
  const numeric = true
  return table(
    'Calibration before and after temperature scaling',
    [
      { head: 'model' },
      { head: 'temperature', numeric },
      { head: 'NLL before', numeric },
      { head: 'after', numeric },
      { head: 'ECE (equal width) before', numeric },
      { head: 'after', numeric },
      { head: 'ECE (equal mass) before', numeric },
      { head: 'after', numeric },
      { head: 'Brier before', numeric },
      { head: 'after', numeric },
    ],
    ranked(results.models).map(({ name, temperatures, uncalibrated, quality }) => {
      const pairs = (['nll', 'ece', 'eceEqualMass', 'brier'] as const).flatMap((metric) => [
        uncalibrated[metric].value.toFixed(3),
        quality[metric].value.toFixed(3),
      ])
      return { cells: [name, temperatureRange(temperatures.map(({ temperature }) => temperature)), ...pairs] }
    }),
  )
}

function temperatureRange(temperatures: readonly number[]): string {
  if (temperatures.length === 0) return '–'
  const [least, most] = [Math.min(...temperatures).toFixed(2), Math.max(...temperatures).toFixed(2)]
  return least === most ? least : `${least} to ${most}`
}

function attributionSection(results: StudyResults): Html {
  return html`<p>Integrated Gradients of the target label’s logit, one value a token. What a model leans on is not what it ought to lean on, and a large convergence delta means that the values cannot be relied on.</p>
${results.attributions.map((example, i) => heatMaps(example, i + 1))}`
}

function runSection({ environment, timings, createdAt }: StudyResults): Html {
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0)
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`)
  return html`<p>${createdAt}. ${versions.join(', ')}.</p>
<ul>${environment.devices.map((device) => html`<li>${device}</li>`)}</ul>
${
  timings.length === 0
    ? undefined
    : table(
        `Timings: ${duration(total)} in all`,
        [{ head: 'stage' }, { head: 'times', numeric: true }, { head: 'time', numeric: true }],
        stageTotals(timings).map(({ stage, times, seconds }) => ({ cells: [stage, times, duration(seconds)] })),
      )
}`
}

/** Stages of one name together: they differ in seed or fold. */
function stageTotals(timings: StudyResults['timings']): { stage: string; times: number; seconds: number }[] {
  const totals = new Map<string, { times: number; seconds: number }>()
  for (const { stage, seconds } of timings) {
    const known = totals.get(stage) ?? { times: 0, seconds: 0 }
    totals.set(stage, { times: known.times + 1, seconds: known.seconds + seconds })
  }
  return [...totals].map(([stage, total]) => ({ stage, ...total }))
}
