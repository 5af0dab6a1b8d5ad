import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse as parseCsv } from 'csv-parse/sync'
import fc from 'fast-check'
import { parseDocument } from 'htmlparser2'
import { csvFiles } from '../../../training/report/csv-files.js'
import { curvesChart, epochBands } from '../../../training/report/curves-chart.js'
import { duration, listed, percentInterval, points, pValue, signed } from '../../../training/report/figures.js'
import { html } from '../../../training/report/html.js'
import { labelPlaces } from '../../../training/report/label-places.js'
import { recommend } from '../../../training/report/recommendation.js'
import { reportHtml } from '../../../training/report/report-html.js'
import { summarySentences } from '../../../training/report/summary.js'
import { shownWarnings } from '../../../training/report/warnings.js'
import { readStudyResults, writeReport } from '../../../training/report/write-report.js'
import { type ModelResult, parseStudyResults, type StudyResults } from '../../../training/study/results.js'
import { simulatedResults } from './simulated-results.js'

const results = simulatedResults({ cases: 300, resamples: 60, shapes: 2 })
const page = reportHtml(results)

type Node = ReturnType<typeof parseDocument>['children'][number]

interface Element {
  readonly name: string
  readonly attribs: Readonly<Record<string, string>>
  readonly children: Node[]
}

/** Every element of the page, in order. */
function elements(nodes: readonly Node[]): Element[] {
  return nodes.flatMap((node) => {
    if (!('children' in node)) return []
    const inside = elements(node.children as Node[])
    return 'attribs' in node ? [node as unknown as Element, ...inside] : inside
  })
}

function textOf(nodes: readonly Node[]): string {
  return nodes
    .map((node) => ('data' in node ? String(node.data) : 'children' in node ? textOf(node.children as Node[]) : ''))
    .join('')
}

const parsed = elements(parseDocument(page).children)
const named = (...names: string[]) => parsed.filter(({ name }) => names.includes(name))

test('the page loads nothing and runs nothing: no script, no link out, no import, and a policy that forbids them', () => {
  assert.deepEqual(named('script', 'link', 'img', 'iframe', 'object', 'embed', 'image', 'use', 'base'), [])
  for (const { attribs } of parsed) {
    for (const [name, value] of Object.entries(attribs)) {
      assert.ok(!/^on/i.test(name), `handler ${name}`)
      if (name === 'href' || name === 'src' || name === 'xlink:href') assert.match(value, /^#/)
      assert.ok(!/url\((?!["']?#)/.test(value), value)
    }
  }
  const style = textOf(named('style')[0]!.children)
  assert.ok(!/url\(|@import|https?:/.test(style))
  const policy = named('meta').find(({ attribs }) => attribs['http-equiv'] === 'Content-Security-Policy')
  assert.match(policy!.attribs.content!, /default-src 'none'/)
  assert.ok(!page.includes('http://') && !page.includes('https://'))
})

test('every chart is an image with a title and a description in words, and every id is there once', () => {
  const charts = named('svg')
  // curves and reliability of each model, and the Pareto plot of each call at two widths
  assert.equal(charts.length, 2 * results.models.length + 2 * results.pareto.length)
  const ids = parsed.flatMap(({ attribs }) => attribs.id ?? [])
  assert.equal(new Set(ids).size, ids.length)
  for (const { attribs, children } of charts) {
    assert.equal(attribs.role, 'img')
    const [title, description] = ['title', 'desc'].map(
      (name) => elements(children).find((element) => element.name === name)!,
    )
    assert.equal(attribs['aria-labelledby'], `${title!.attribs.id} ${description!.attribs.id}`)
    assert.ok(textOf(title!.children).length > 5)
    assert.ok(textOf(description!.children).length > 20)
  }
  for (const { attribs } of parsed) {
    for (const [, id] of (attribs['clip-path'] ?? '').matchAll(/#([\w-]+)/g)) assert.ok(ids.includes(id!), id)
    if (attribs.href) assert.ok(ids.includes(attribs.href.slice(1)), attribs.href)
  }
})

test('every table is captioned, in a box that scrolls, and as wide in every row as in its head', () => {
  const tables = named('table')
  assert.ok(tables.length >= 5)
  for (const { attribs, children } of tables) {
    assert.ok(attribs['aria-label'])
    const widths = elements(children)
      .filter(({ name }) => name === 'tr')
      .map((row) => elements(row.children).filter(({ name }) => name === 'th' || name === 'td').length)
    assert.equal(new Set(widths).size, 1, attribs['aria-label'])
  }
  const boxes = named('div').filter(({ attribs }) => attribs.class === 'scroll')
  assert.equal(boxes.length, tables.length)
})

test('the leaderboard ranks by accuracy with the majority baseline in its place', () => {
  const rows = elements(named('table')[0]!.children).filter(({ name }) => name === 'tr')
  const shares = rows.slice(1).map((row) => {
    const [cell] = elements(row.children).filter(({ name }) => name === 'td')
    return Number.parseFloat(textOf(cell!.children))
  })
  assert.equal(shares.length, results.models.length + 1)
  assert.deepEqual(
    shares,
    [...shares].sort((a, b) => b - a),
  )
  assert.ok(shares.includes(Number((100 * results.majority.accuracy).toFixed(1))))
})

const HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>"\'&'

test('texts, labels and names of users are shown as they are and never run', () => {
  const model = { ...results.models[0]!, name: HOSTILE, start: HOSTILE, warnings: [HOSTILE] }
  const hostile: StudyResults = {
    ...results,
    name: HOSTILE,
    description: HOSTILE,
    labels: [HOSTILE, 'other'],
    majority: { ...results.majority, label: HOSTILE },
    data: { ...results.data, description: HOSTILE, labelCounts: { [HOSTILE]: 3 }, leaks: [HOSTILE] },
    config: { description: HOSTILE },
    models: [model, ...results.models.slice(1)],
    warnings: [HOSTILE],
    failures: [{ stage: HOSTILE, error: HOSTILE }],
    attributions: [
      {
        exampleId: HOSTILE,
        text: HOSTILE,
        label: HOSTILE,
        target: HOSTILE,
        offsets: [
          [0, 8],
          [8, 25],
        ],
        models: [{ name: HOSTILE, attributions: [0.8, -0.6], delta: 0 }],
      },
    ],
  }
  const shown = reportHtml(hostile)
  const found = elements(parseDocument(shown).children)
  assert.deepEqual(
    found.filter(({ name }) => name === 'script' || name === 'img'),
    [],
  )
  assert.ok(found.every(({ attribs }) => !('onerror' in attribs)))
  const map = found.find(({ attribs }) => attribs.class === 'map')!
  assert.equal(textOf(map.children), HOSTILE)
  assert.equal(textOf(found.find(({ name }) => name === 'h1')!.children), `${HOSTILE}: which model to deploy`)
})

test('a heat map shows the whole text, the strongest token in the deepest shade and named in words', () => {
  const maps = named('p').filter(({ attribs }) => attribs.class === 'map')
  const [example] = results.attributions
  assert.equal(maps.length, results.attributions.length * example!.models.length)
  assert.equal(textOf(maps[0]!.children), example!.text)
  const { attributions } = example!.models[0]!
  const strongest = attributions.reduce(
    (top, value, i) => (Math.abs(value) > Math.abs(attributions[top]!) ? i : top),
    0,
  )
  const token = example!.text.slice(...example!.offsets[strongest]!)
  const deepest = elements(maps[0]!.children).filter(
    ({ attribs }) => attribs.class === (attributions[strongest]! > 0 ? 'p4' : 'n4'),
  )
  assert.ok(deepest.some(({ children }) => textOf(children).includes(token)))
  const words = named('p').filter(({ attribs }) => attribs.class === 'note')
  assert.ok(words.some(({ children }) => textOf(children).includes(`“${token}” (`)))
})

test('text that was cut off is marked as unread, and more than six models open on demand', () => {
  const [example] = results.attributions
  const offsets = example!.offsets.slice(0, 3)
  const models = Array.from({ length: 8 }, (_, i) => ({ name: `model ${i}`, attributions: [0.1, -0.9, 0.4], delta: 0 }))
  const shown = elements(
    parseDocument(reportHtml({ ...results, attributions: [{ ...example!, offsets, models }] })).children,
  )
  const unread = shown.filter(({ attribs }) => attribs.class === 'unread')
  assert.equal(unread.length, 8)
  assert.equal(textOf(unread[0]!.children), example!.text.slice(offsets[2]![1]))
  const [details] = shown.filter(({ name }) => name === 'details')
  assert.equal(elements(details!.children).filter(({ attribs }) => attribs.class === 'map').length, 2)
})

test('failures and warnings stand before any figure, in an alarm', () => {
  const failed = reportHtml({
    ...results,
    failures: [{ stage: 'tinybert vanilla, seed 2', error: 'LOSS_NOT_FINITE: at step 40' }],
    warnings: ['the teacher is no better than majority'],
  })
  const [stage, warning, first] = ['LOSS_NOT_FINITE', 'the teacher is no better than majority', '<h2>Leaderboard'].map(
    (text) => failed.indexOf(text),
  )
  assert.ok(0 < stage! && stage! < warning! && warning! < first!)
  assert.match(failed, /role="alert"/)
  assert.match(failed, /1 stage failed, so the comparison is incomplete/)
  assert.ok(!page.includes('role="alert"'))
})

test('a warning is said once, with its model, and those of other seeds and folds are counted', () => {
  const apart = (epoch: number, nll: number) => `losses part after epoch ${epoch} (validation ${nll})`
  const model = (name: string, warnings: string[]) => ({ ...results.models[0]!, name, warnings })
  const shown = shownWarnings({
    warnings: ['half-2x96: losses part after epoch 1 (validation 0.9)', 'the teacher is no better than majority'],
    models: [
      model('half-2x96', ['half-2x96: losses part after epoch 1 (validation 0.9)', apart(1, 0.8), apart(3, 1.2)]),
      model('half-4x96', [apart(1, 0.8)]),
    ],
  })
  assert.deepEqual(shown, [
    { text: 'half-2x96: losses part after epoch 1 (validation 0.9)', alike: 2 },
    { text: 'the teacher is no better than majority', alike: 0 },
    { text: 'half-4x96: losses part after epoch 1 (validation 0.8)', alike: 0 },
  ])
})

test('the majority line of the curves stands at its NLL, to the pixel, and stretches the axis to itself', () => {
  const model = results.models[0]!
  const height = (nll: number) => {
    const chart = curvesChart(
      'c',
      model,
      { ...results, majority: { ...results.majority, nll } },
      { width: 300, height: 300 },
    )
    const [, y] = /<path d="M[\d.]+ ([\d.]+)L[\d.]+ \1"[^>]*stroke="var\(--second\)"/.exec(chart.text) ?? []
    return Number(y)
  }
  const [at, above, far] = [height(0.64), height(0.644), height(2)]
  assert.ok(at > above && above > far && far >= 12, `${at}, ${above}, ${far}`)
})

test('a column that no model has a figure for is left out', () => {
  const heads = (shown: StudyResults) => {
    const [first] = elements(parseDocument(reportHtml(shown)).children).filter(({ name }) => name === 'thead')
    return textOf(first!.children)
  }
  assert.match(heads(results), /latency.*attributions/)
  const bare = results.models.map(({ attributionSimilarity: _, ...model }) => ({ ...model, latency: [] }))
  assert.doesNotMatch(heads({ ...results, models: bare }), /latency|attributions/)
})

test('models that know nothing are not to be deployed: no better than majority', () => {
  const blind = simulatedResults({ cases: 300, resamples: 60, shapes: 1, skill: 0 })
  assert.equal(recommend(blind).model, undefined)
  const [verdict, ...rest] = summarySentences(blind)
  assert.match(verdict!, /^Deploy none of these models .* no better than majority/)
  assert.match(rest.join(' '), /Whether distilling helped cannot be told/)
  assert.ok(reportHtml(blind).includes('no better than majority'))
})

const modelLike = (name: string, accuracy: number, more: Partial<ModelResult> = {}): ModelResult => ({
  ...results.models[0]!,
  name,
  quality: {
    ...results.models[0]!.quality,
    accuracy: { value: accuracy, low: accuracy - 0.02, high: accuracy + 0.02 },
  },
  ...more,
})
const call = { provider: 'cpu', batch: 1, tokens: 128 }
const took = (p50Ms: number) => ({ latency: [{ ...call, p50Ms, p95Ms: p50Ms }] })
const study = (...models: ModelResult[]): StudyResults => ({
  ...results,
  majority: { ...results.majority, accuracy: 0.6 },
  models,
  comparisons: [],
})

test('the model to deploy is the fastest within a point of the best', () => {
  const large = modelLike('large', 0.8, took(90))
  const middle = modelLike('middle', 0.791, took(30))
  const small = modelLike('small', 0.78, took(3))
  const found = recommend(study(large, middle, small))
  assert.equal(found.model?.name, 'middle')
  assert.equal(found.best?.name, 'large')
  assert.deepEqual(found.call, call)
  assert.match(summarySentences(study(large, middle, small))[0]!, /^Deploy middle: .*large, is 0\.9 points above it/)
  assert.equal(recommend(study(large, small)).model?.name, 'large')
})

test('without latencies the smallest within a point is taken, and a model that was not timed is no fast one', () => {
  const large = modelLike('large', 0.8, { latency: [], parameters: 9e7 })
  const small = modelLike('small', 0.795, { latency: [], parameters: 1e7 })
  assert.equal(recommend(study(large, small)).model?.name, 'small')
  const timed = { ...large, ...took(90) }
  assert.equal(recommend(study(timed, small)).model?.name, 'large')
})

test('a study without a finished model says so and still makes a page', () => {
  const empty: StudyResults = { ...study(), pareto: [], attributions: [], failures: [{ stage: 'teacher', error: 'x' }] }
  assert.match(summarySentences(empty)[0]!, /No model was trained to its end/)
  assert.match(reportHtml(empty), /Failed: 1 stage/)
})

test('what the summary says of distilling follows the corrected p, not the difference', () => {
  const comparison = results.comparisons[0]!
  const control = modelLike('control', 0.7, { kind: 'control' })
  const student = modelLike('student', 0.75, { kind: 'student', control: 'control' })
  const said = (pHolm: number, value: number) => {
    const accuracy = { value, low: value - 0.01, high: value + 0.01 }
    const compared = { ...comparison, a: 'student', b: 'control', accuracy, pMcNemar: pHolm, pHolm }
    return summarySentences({ ...study(student, control), comparisons: [compared] }).join(' ')
  }
  assert.match(said(0.2, 0.05), /cannot be told: in 1 comparison .* \(differences \+5\.0 to \+5\.0 points/)
  assert.match(said(0.01, 0.05), /Distilling helped in 1 of 1 .*student \(\+5\.0 points, p = 0\.010\)/)
  assert.match(said(0.0001, -0.05), /It hurt in 1 of 1 .*student \(−5\.0 points, p < 0\.001\)/)
})

test('bands of curves hold the mean and the range of the trainings that reached an epoch', () => {
  const epoch = (number: number, trainLoss: number) => ({
    epoch: number,
    trainLoss,
    validationNll: 0,
    validationAccuracy: 0,
  })
  const curves = [
    { seed: 1, fold: 0, bestEpoch: 1, epochs: [epoch(1, 1), epoch(2, 0.5)] },
    { seed: 2, fold: 0, bestEpoch: 1, epochs: [epoch(1, 2)] },
  ]
  assert.deepEqual(epochBands(curves, 'trainLoss'), [
    { epoch: 1, mean: 1.5, low: 1, high: 2, trainings: 2 },
    { epoch: 2, mean: 0.5, low: 0.5, high: 0.5, trainings: 1 },
  ])
})

test('labels on one side of a column of points stand at least a line apart', () => {
  const point = fc.record({ x: fc.integer({ min: 0, max: 20 }), y: fc.integer({ min: 0, max: 60 }) })
  fc.assert(
    fc.property(fc.array(point, { maxLength: 12 }), (found) => {
      const places = labelPlaces(found)
      assert.equal(places.length, found.length)
      for (const side of ['left', 'right'] as const) {
        const heights = places
          .flatMap((place, i) => (place.side === side ? [found[i]!.y + place.down] : []))
          .sort((a, b) => a - b)
        for (let i = 1; i < heights.length; i++) assert.ok(heights[i]! - heights[i - 1]! >= 12)
      }
    }),
  )
})

test('figures are written with real minus signs and without minus nought', () => {
  assert.equal(points(-0.0123), '−1.2')
  assert.equal(points(0.0123), '+1.2')
  assert.equal(points(-0.0001), '0.0')
  assert.equal(signed(0.0001), '0.000')
  assert.equal(percentInterval({ value: 0, low: -0.01, high: 0.02 }), '[−1.0, 2.0]')
  assert.equal(pValue(0.00001), '< 0.001')
  assert.equal(pValue(0.0491), '0.049')
  assert.equal(duration(7260), '2 h 1 min')
  assert.equal(duration(3599), '1 h 0 min')
  assert.equal(listed(['a', 'b', 'c']), 'a, b and c')
})

test('what a template is given is escaped, what it makes is not escaped again', () => {
  assert.equal(
    html`<b title="${'"<'}">${['<', html`<i>${'&'}</i>`]}</b>${undefined}`.text,
    '<b title="&quot;&lt;">&lt;<i>&amp;</i></b>',
  )
})

test('the CSV files hold every model, comparison and epoch in full precision, and no formula', () => {
  const files = csvFiles({
    ...results,
    models: results.models.map((model, i) => (i === 0 ? { ...model, start: '=HYPERLINK("x"),\n"y"' } : model)),
  })
  const read = (name: string) => parseCsv(files[name]!, { columns: true }) as Record<string, string>[]
  const leaderboard = read('leaderboard.csv')
  assert.equal(leaderboard.length, results.models.length + 1)
  for (const model of results.models) {
    const row = leaderboard.find((found) => found.model === model.name)!
    assert.equal(Number(row.nll_low), model.quality.nll.low)
    assert.equal(Number(row.ece_uncalibrated), model.uncalibrated.ece.value)
    assert.equal(Number(row.p50_ms_cuda_1x256), model.latency[1]!.p50Ms)
  }
  assert.equal(leaderboard.find((row) => row.model === results.models[0]!.name)!.start, '\'=HYPERLINK("x"),\n"y"')
  assert.equal(Number(leaderboard.at(-1)!.auc), results.majority.auc)
  const comparisons = read('comparisons.csv')
  assert.deepEqual(
    comparisons.map((row) => Number(row.p_holm)),
    results.comparisons.map(({ pHolm }) => pHolm),
  )
  const epochs = results.models.flatMap(({ curves }) => curves.flatMap((curve) => curve.epochs))
  assert.equal(read('curves.csv').length, epochs.length)
})

test('what is written is read back, and the page made from it is the same', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-report-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const files = await writeReport(folder, results)
  assert.equal(files[0], join(folder, 'report.html'))
  const stored = await readStudyResults(join(folder, 'report.json'))
  assert.deepEqual(stored, JSON.parse(JSON.stringify(results)))
  assert.equal(reportHtml(stored), await readFile(files[0]!, 'utf8'))
  await assert.rejects(readStudyResults(join(folder, 'report.html')), {
    code: 'INVALID_CONFIGURATION',
    message: /JSON/,
  })
  const broken = { ...results, majority: { ...results.majority, auc: Number.NaN } }
  await assert.rejects(writeReport(folder, broken), { code: 'INVALID_CONFIGURATION', message: /majority\.auc/ })
})

test('a file of another format or with a wrong field is refused by name', () => {
  assert.throws(() => parseStudyResults({ formatVersion: 2 }, 'r.json'), /r\.json: has formatVersion 2/)
  assert.throws(() => parseStudyResults(null, 'r.json'), /no formatVersion/)
  const wrong = { ...results, comparisons: [{ ...results.comparisons[0]!, pHolm: 2 }] }
  assert.throws(() => parseStudyResults(wrong, 'r.json'), /r\.json: comparisons\.0\.pHolm/)
})
