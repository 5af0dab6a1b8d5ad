import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Estimate } from '../../../src/family/family-schema.js'
import { chiSquaredTail } from '../../../training/evaluation/chi-squared.js'
import { compareModels } from '../../../training/evaluation/compare-models.js'
import { holm } from '../../../training/evaluation/holm.js'
import { mcnemar } from '../../../training/evaluation/mcnemar.js'
import { type ParetoPoint, paretoFront } from '../../../training/evaluation/pareto.js'
import { measureQuality } from '../../../training/evaluation/quality.js'
import {
  pooledQuality,
  pooledReliability,
  pooledTeacherComparison,
  seedFigures,
} from '../../../training/evaluation/seed-means.js'
import { softmaxRows } from '../../../training/evaluation/softmax.js'
import { compareWithTeacher } from '../../../training/evaluation/teacher-comparison.js'
import { createRandom } from '../../../training/random.js'

interface Golden {
  tables: { both: number; onlyB: number; onlyA: number; neither: number; exact: boolean; p: number }[]
  seeds: { a: number[][]; b: number[][]; p: number }[]
  holm: { p: number[]; corrected: number[] }[]
  chiSquaredTails: { x: number; p: number }[]
  pairedBootstrap: { labels: number[]; a: number[][]; b: number[][]; accuracy: Estimate; nll: Estimate }
}

/** Values by SciPy and statsmodels; fixtures/make_comparisons.py wrote them. */
const golden: Golden = JSON.parse(readFileSync(new URL('./fixtures/comparisons.json', import.meta.url), 'utf8'))

const close = (actual: number, expected: number, tolerance: number, name = '') =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${name} ${actual}, expected ${expected}`)

const right = (seeds: number[][]) => seeds.map((seed) => seed.map((correct) => correct === 1))

test("the tail of chi-squared equals SciPy's, far out too", () => {
  for (const { x, p } of golden.chiSquaredTails) close(chiSquaredTail(x) / p, 1, 1e-12, `x = ${x}`)
})

test("McNemar's p equals statsmodels': exact below 25 discordant cases, chi-squared with continuity correction above", () => {
  for (const { both, onlyB, onlyA, neither, exact, p } of golden.tables) {
    const a = [
      ...Array(both).fill(true),
      ...Array(onlyB).fill(false),
      ...Array(onlyA).fill(true),
      ...Array(neither).fill(false),
    ]
    const b = [
      ...Array(both).fill(true),
      ...Array(onlyB).fill(true),
      ...Array(onlyA).fill(false),
      ...Array(neither).fill(false),
    ]
    const found = mcnemar([a], [b])
    assert.deepEqual(found.discordant, [onlyB, onlyA])
    assert.equal(found.test, exact ? 'exact' : 'chi-squared')
    // statsmodels lets the corrected statistic rise again where both sides are equal; McNemar's distance is then 0
    if (exact || onlyA !== onlyB) close(found.p, p, 1e-10, `${onlyB} against ${onlyA}:`)
    else assert.equal(found.p, 1)
  }
})

test("with several seeds the exact p is SciPy's permutation test over the signs of the cases", () => {
  for (const { a, b, p } of golden.seeds) {
    const found = mcnemar(right(a), right(b))
    assert.equal(found.test, 'exact')
    close(found.p, p, 1e-10)
  }
})

test('running the same seed twice is no further evidence', () => {
  const bits = fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 120 })
  fc.assert(
    fc.property(bits, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (cases, timesA, timesB) => {
      const a = cases.map(([inA]) => inA)
      const b = cases.map(([, inB]) => inB)
      const once = mcnemar([a], [b])
      const repeated = mcnemar(Array(timesA).fill(a), Array(timesB).fill(b))
      assert.equal(repeated.test, once.test)
      close(repeated.p, once.p, 1e-12)
      close(repeated.discordant[0], once.discordant[0], 1e-9)
      close(repeated.discordant[1], once.discordant[1], 1e-9)
    }),
  )
})

test('exact and chi-squared p of several seeds agree where both hold', () => {
  const random = createRandom(11)
  const draw = (rate: number) => Array.from({ length: 3 }, () => Array.from({ length: 24 }, () => random.next() < rate))
  const [a, b] = [draw(0.7), draw(0.5)]
  const exact = mcnemar(a, b)
  assert.equal(exact.test, 'exact')
  // eight copies of the cases: the same difference on a larger sample; its statistic is 8 times as large, uncorrected
  const many = mcnemar(
    a.map((seed) => Array<boolean[]>(8).fill(seed).flat()),
    b.map((seed) => Array<boolean[]>(8).fill(seed).flat()),
  )
  assert.equal(many.test, 'chi-squared')
  const d = a[0]!.map((_, i) => a.filter((seed) => seed[i]).length - b.filter((seed) => seed[i]).length)
  const sum = d.reduce((x, y) => x + y, 0)
  const squares = d.reduce((x, y) => x + y * y, 0)
  close(many.p, chiSquaredTail((8 * Math.abs(sum) - 1) ** 2 / (8 * squares)), 1e-12)
  close(exact.p, chiSquaredTail((Math.abs(sum) - 1) ** 2 / squares), 0.02)
})

test('McNemar refuses models that answered different cases', () => {
  assert.throws(() => mcnemar([[true, false]], [[true]]), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => mcnemar([], [[true]]), { code: 'SHAPE_MISMATCH' })
})

test("Holm's correction equals statsmodels', in the order of the comparisons", () => {
  for (const { p, corrected } of golden.holm) {
    for (const [i, value] of holm(p).entries()) close(value, corrected[i]!, 1e-12)
  }
  assert.deepEqual(holm([]), [])
})

test("the paired bootstrap interval is SciPy's, within what 4,000 resamples vary by", () => {
  const { labels, a, b, ...expected } = golden.pairedBootstrap
  const models = new Map([
    ['a', [a]],
    ['b', [b]],
  ])
  const [found] = compareModels({ models, pairs: [['a', 'b']], labels, bootstrap: { resamples: 4000 } })
  for (const name of ['accuracy', 'nll'] as const) {
    const width = expected[name].high - expected[name].low
    close(found![name].value, expected[name].value, 1e-5, name)
    close(found![name].low, expected[name].low, 0.05 * width, `${name} low`)
    close(found![name].high, expected[name].high, 0.05 * width, `${name} high`)
  }
  // pairing is what makes it narrow: the two intervals apart would be wider together
  const alone = [a, b].map((probabilities) => measureQuality({ probabilities, labels, split: 'test' }).nll)
  const apart = Math.hypot(...alone.map(({ low, high }) => high - low))
  assert.ok(found!.nll.high - found!.nll.low < 0.7 * apart)
})

const { labels, a: rowsA, b: rowsB } = golden.pairedBootstrap

test('a model compared with itself differs by nothing, and Holm counts every pair', () => {
  const models = new Map([
    ['same', [rowsA, rowsB]],
    ['a', [rowsA]],
    ['b', [rowsB]],
  ])
  const [same, ab, ba] = compareModels({
    models,
    pairs: [
      ['same', 'same'],
      ['a', 'b'],
      ['b', 'a'],
    ],
    labels,
  })
  assert.deepEqual(same!.accuracy, { value: 0, low: 0, high: 0 })
  assert.deepEqual(same!.nll, { value: 0, low: 0, high: 0 })
  assert.equal(same!.pHolm, 1)
  assert.equal(ab!.pMcNemar, ba!.pMcNemar)
  assert.ok(Math.abs(ab!.accuracy.value + ba!.accuracy.value) < 1e-12)
  assert.equal(ab!.pHolm, Math.min(1, 3 * ab!.pMcNemar))
  assert.throws(() => compareModels({ models, pairs: [['a', 'absent']], labels }), /no model "absent"/)
})

test('the quality of several seeds is the mean of theirs; of one seed it is the plain measurement', () => {
  const one = pooledQuality({ seeds: [rowsA], labels, split: 'test' })
  assert.deepEqual(one, measureQuality({ probabilities: rowsA, labels, split: 'test' }))
  const two = pooledQuality({ seeds: [rowsA, rowsB], labels, split: 'test' })
  const [figuresA, figuresB] = [seedFigures(rowsA, labels), seedFigures(rowsB, labels)]
  for (const name of ['accuracy', 'macroF1', 'auc', 'nll', 'brier', 'ece', 'eceEqualMass'] as const) {
    close(two[name].value, (figuresA[name] + figuresB[name]) / 2, 1e-12, name)
  }
  // the same seed again adds no evidence about cases: the interval stays
  const twice = pooledQuality({ seeds: [rowsA, rowsA], labels, split: 'test' })
  close(twice.nll.high - twice.nll.low, one.nll.high - one.nll.low, 1e-9)
  assert.throws(() => pooledQuality({ seeds: [], labels, split: 'test' }), { code: 'SHAPE_MISMATCH' })
})

test('agreement over seeds is the mean of the agreements with the teacher of each seed', () => {
  const teacher = softmaxRows(rowsA.map(([p]) => [p!, 0.4]))
  const found = pooledTeacherComparison({ teachers: [teacher, rowsA], students: [rowsA, rowsB] })
  const first = compareWithTeacher({ teacher, student: rowsA })
  const second = compareWithTeacher({ teacher: rowsA, student: rowsB })
  close(found.agreement.value, (first.agreement.value + second.agreement.value) / 2, 1e-12)
  close(found.divergence.value, (first.divergence.value + second.divergence.value) / 2, 1e-12)
  assert.throws(() => pooledTeacherComparison({ teachers: [teacher], students: [rowsA, rowsB] }), {
    code: 'SHAPE_MISMATCH',
  })
})

test('a reliability diagram of several seeds holds every prediction once', () => {
  const bins = pooledReliability([rowsA, rowsB], labels)
  assert.equal(
    bins.reduce((sum, { examples }) => sum + examples, 0),
    2 * labels.length,
  )
})

test('no model of the Pareto front is beaten, and every other is', () => {
  const point = fc.record({
    name: fc.string(),
    quality: fc.integer({ min: 0, max: 5 }),
    latencyMs: fc.integer({ min: 1, max: 6 }),
  })
  fc.assert(
    fc.property(fc.array(point), (points) => {
      const front = paretoFront(points)
      const dominates = (a: ParetoPoint, b: ParetoPoint) =>
        a !== b &&
        a.quality >= b.quality &&
        a.latencyMs <= b.latencyMs &&
        !(a.quality === b.quality && a.latencyMs === b.latencyMs)
      for (const candidate of points) {
        assert.equal(front.includes(candidate), !points.some((other) => dominates(other, candidate)))
      }
      assert.deepEqual(
        front.map(({ latencyMs }) => latencyMs),
        front.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b),
      )
    }),
  )
})
