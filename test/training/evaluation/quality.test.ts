import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { reliabilityBins } from '../../../training/evaluation/calibration-error.js'
import { majorityBaseline, measureQuality, qualityMetrics } from '../../../training/evaluation/quality.js'
import { onceEach, scoreExamples } from '../../../training/evaluation/sample.js'
import { softmaxRows } from '../../../training/evaluation/softmax.js'
import { createRandom } from '../../../training/random.js'
import { golden } from './golden.js'

const close = (actual: number, expected: number, name: string, tolerance = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${name}: ${actual}, expected ${expected}`)

for (const { name, logits, labels, quality, trainLabels, majority } of golden.cases) {
  test(`quality equals scikit-learn's: ${name}`, () => {
    const examples = scoreExamples(softmaxRows(logits), labels)
    for (const [metric, value] of Object.entries(qualityMetrics(examples))) {
      close(value(onceEach(labels.length)), quality[metric as keyof typeof quality], metric)
    }
  })

  test(`the majority baseline equals scikit-learn's metrics of the label shares: ${name}`, () => {
    const names = logits[0]!.map((_, label) => `class ${label}`)
    const { label, ...values } = majorityBaseline(trainLabels, labels, names)
    for (const [metric, value] of Object.entries(values)) {
      close(value, majority[metric as keyof typeof majority], metric)
    }
    const counts = names.map((_, index) => trainLabels.filter((trained) => trained === index).length)
    assert.equal(label, names[counts.indexOf(Math.max(...counts))])
  })
}

test('a metric of counts equals the metric of the examples written out that often', () => {
  const { logits, labels } = golden.cases[3]!
  const probabilities = softmaxRows(logits)
  const prepared = qualityMetrics(scoreExamples(probabilities, labels))
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 }), { minLength: labels.length, maxLength: labels.length }), (counts) => {
      const rows = counts.flatMap((count, i) => Array<number>(count).fill(i))
      fc.pre(new Set(rows.map((i) => labels[i])).size > 1)
      const written = qualityMetrics(
        scoreExamples(
          rows.map((i) => probabilities[i]!),
          rows.map((i) => labels[i]!),
        ),
      )
      for (const [name, metric] of Object.entries(prepared)) {
        close(metric(counts), written[name as keyof typeof written](onceEach(rows.length)), name)
      }
    }),
    { numRuns: 30 },
  )
})

test('every interval holds its value, repeats with its seed and moves with another', () => {
  const { logits, labels } = golden.cases[2]!
  const probabilities = softmaxRows(logits)
  const measure = (seed: number) => measureQuality({ probabilities, labels, split: 'test', bootstrap: { seed } })
  const quality = measure(7)
  assert.deepEqual(measure(7), quality)
  assert.notDeepEqual(measure(8).nll, quality.nll)
  assert.equal(quality.split, 'test')
  assert.equal(quality.examples, labels.length)
  for (const name of ['accuracy', 'macroF1', 'auc', 'nll', 'brier'] as const) {
    assert.ok(quality[name].low < quality[name].value && quality[name].value < quality[name].high, name)
  }
})

test('the interval of accuracy is that of the normal approximation, within a point, on 2,000 examples', () => {
  const random = createRandom(5)
  const labels = Array.from({ length: 2000 }, () => random.integer(2))
  const probabilities = labels.map((label) => {
    const right = random.next() < 0.7 ? 0.8 : 0.2
    return label === 1 ? [1 - right, right] : [right, 1 - right]
  })
  const { accuracy } = measureQuality({ probabilities, labels, split: 'test' })
  const half = 1.96 * Math.sqrt((accuracy.value * (1 - accuracy.value)) / labels.length)
  close(accuracy.low, accuracy.value - half, 'low', 0.003)
  close(accuracy.high, accuracy.value + half, 'high', 0.003)
})

test('a constant prediction is perfectly ordered by nothing: AUC 0.5, equal-mass ECE as large as the one bar', () => {
  const baseline = majorityBaseline([0, 0, 0, 1], [0, 1, 0, 1, 1, 0], ['a', 'b'])
  assert.equal(baseline.auc, 0.5)
  close(baseline.accuracy, 0.5, 'accuracy')
  close(baseline.ece, 0.25, 'ece')
  close(baseline.eceEqualMass, 0.25, 'equal-mass ece')
})

test('reliability bins hold every example once and agree with the calibration error', () => {
  for (const { logits, labels, quality } of golden.cases) {
    const examples = scoreExamples(softmaxRows(logits), labels)
    for (const [binning, expected] of [
      ['equal-width', quality.ece],
      ['equal-mass', quality.eceEqualMass],
    ] as const) {
      const bins = reliabilityBins(examples, binning)
      assert.equal(
        bins.reduce((sum, bin) => sum + bin.examples, 0),
        labels.length,
      )
      const gaps = bins.map((bin) => bin.examples * Math.abs(bin.accuracy - bin.meanConfidence))
      close(gaps.reduce((a, b) => a + b, 0) / labels.length, expected, binning)
    }
  }
})

test('predictions that do not fit their labels are refused', () => {
  const refused = (probabilities: number[][], labels: number[], code: string) =>
    assert.throws(() => scoreExamples(probabilities, labels), { code })
  refused([[0.5, 0.5]], [0, 1], 'SHAPE_MISMATCH')
  refused(
    [
      [0.5, 0.5],
      [0.9, 0.9],
    ],
    [0, 1],
    'SHAPE_MISMATCH',
  )
  refused([[0.5, 0.5], [1]], [0, 1], 'SHAPE_MISMATCH')
  refused(
    [
      [0.5, 0.5],
      [0.5, 0.5],
    ],
    [0, 2],
    'SHAPE_MISMATCH',
  )
  refused(
    [
      [0.5, 0.5],
      [Number.NaN, 0.5],
    ],
    [0, 1],
    'SHAPE_MISMATCH',
  )
  refused(
    [
      [0.5, 0.5],
      [0.4, 0.6],
    ],
    [1, 1],
    'DATA_INVALID',
  )
})
