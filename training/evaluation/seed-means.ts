/**
 * A model trained from several seeds, measured as one: every figure is the mean of the seeds' figures, every interval is over
 * cases. A resample draws cases, and with a case all seeds' predictions of it: seeds answer the same cases and are no
 * further evidence about new ones.
 */
import { ShapeMismatch } from '../../src/errors.js'
import type { Quality } from '../../src/family/family-schema.js'
import { argmax } from '../../src/family/softmax.js'
import { type BootstrapOptions, bootstrapEstimates } from './bootstrap.js'
import { type ReliabilityBin, reliabilityBins } from './calibration-error.js'
import { type QualityMetricName, qualityMetrics } from './quality.js'
import { meanOf, onceEach, type ResampledMetric, scoreExamples } from './sample.js'
import type { ClassRows } from './softmax.js'
import { divergence, type TeacherComparison } from './teacher-comparison.js'

/** Probabilities of each seed, [seeds][cases, labels]; cases in one order. With folds: those of the fold that tested the case. */
export type SeedProbabilities = readonly ClassRows[]

/** The figures of one seed. */
export function seedFigures(probabilities: ClassRows, labels: readonly number[]): Record<QualityMetricName, number> {
  const metrics = qualityMetrics(scoreExamples(probabilities, labels))
  const counts = onceEach(labels.length)
  const figures = Object.entries(metrics).map(([name, metric]) => [name, metric(counts)])
  return Object.fromEntries(figures) as Record<QualityMetricName, number>
}

/**
 * Mean quality of the seeds with 95% bootstrap intervals over cases.
 * @throws ShapeMismatch when there is no seed, or rows, labels or probabilities do not fit
 */
export function pooledQuality({
  seeds,
  labels,
  split,
  bootstrap,
}: {
  seeds: SeedProbabilities
  /** true class of every case */
  labels: readonly number[]
  /** name of what the cases are, for the report: `test`, `out-of-fold` */
  split: string
  bootstrap?: BootstrapOptions | undefined
}): Quality {
  const metrics = meanMetrics(seeds.map((probabilities) => qualityMetrics(scoreExamples(probabilities, labels))))
  return { split, examples: labels.length, ...bootstrapEstimates(metrics, labels.length, bootstrap) }
}

/**
 * How far a student's seeds are from their teachers, means over seeds with intervals over cases.
 * @param teachers the teacher's probabilities that each seed learnt from, in the order of the seeds
 */
export function pooledTeacherComparison({
  teachers,
  students,
  bootstrap,
}: {
  teachers: SeedProbabilities
  students: SeedProbabilities
  bootstrap?: BootstrapOptions | undefined
}): TeacherComparison {
  const cases = students[0]?.length ?? 0
  if (
    cases === 0 ||
    teachers.length !== students.length ||
    [...teachers, ...students].some((s) => s.length !== cases)
  ) {
    throw new ShapeMismatch('agreement needs the teacher of every seed, on the same cases')
  }
  const metrics = students.map((student, s) => ({
    agreement: meanOf(student.map((row, i) => (argmax(row) === argmax(teachers[s]![i]!) ? 1 : 0))),
    divergence: meanOf(student.map((row, i) => divergence(teachers[s]![i]!, row))),
  }))
  return bootstrapEstimates(meanMetrics(metrics), cases, bootstrap)
}

/** Equal-width bins of all seeds' predictions together. */
export function pooledReliability(seeds: SeedProbabilities, labels: readonly number[]): ReliabilityBin[] {
  const examples = scoreExamples(
    seeds.flat(),
    seeds.flatMap(() => labels),
  )
  return reliabilityBins(examples, 'equal-width')
}

/** @returns by name, the mean over seeds as a function of the counts of cases */
export function meanMetrics<Name extends string>(
  seeds: readonly Readonly<Record<Name, ResampledMetric>>[],
): Record<Name, ResampledMetric> {
  if (seeds.length === 0) throw new ShapeMismatch('a mean over seeds needs at least one')
  const names = Object.keys(seeds[0]!) as Name[]
  const mean = (name: Name): ResampledMetric => {
    const metrics = seeds.map((seed) => seed[name])
    return (counts) => metrics.reduce((sum, metric) => sum + metric(counts), 0) / metrics.length
  }
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as Record<Name, ResampledMetric>
}
