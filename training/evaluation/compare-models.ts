import { InvalidConfiguration } from '../../src/errors.js'
import type { Estimate } from '../../src/family/family-schema.js'
import { type BootstrapOptions, bootstrapEstimates } from './bootstrap.js'
import { accuracyMetric, macroF1Metric } from './classification-scores.js'
import { holm } from './holm.js'
import { type McNemar, mcnemar } from './mcnemar.js'
import { nllMetric } from './proper-scores.js'
import { type ResampledMetric, type ScoredExamples, scoreExamples } from './sample.js'
import { meanMetrics, type SeedProbabilities } from './seed-means.js'

/** Differences are a − b, means over seeds, with 95% paired bootstrap intervals over cases. */
export interface ModelComparison {
  readonly a: string
  readonly b: string
  readonly accuracy: Estimate
  readonly macroF1: Estimate
  /** nats */
  readonly nll: Estimate
  readonly discordant: [number, number]
  readonly test: McNemar['test']
  readonly pMcNemar: number
  /** corrected for all the pairs */
  readonly pHolm: number
}

/**
 * Compares models in pairs on the same cases. What is resampled is cases: a resample holds a case's predictions by every seed of
 * both models, so that what makes a case hard cancels out.
 * @param models each with its seeds' calibrated probabilities; a and b may have different numbers of seeds
 * @param pairs [a, b]: all that are reported together, since Holm's correction is over them
 * @param labels true class of every case
 * @throws InvalidConfiguration for a pair whose model is not there, ShapeMismatch when cases do not fit
 */
export function compareModels({
  models,
  pairs,
  labels,
  bootstrap,
}: {
  models: ReadonlyMap<string, SeedProbabilities>
  pairs: readonly (readonly [a: string, b: string])[]
  labels: readonly number[]
  bootstrap?: BootstrapOptions | undefined
}): ModelComparison[] {
  const scored = new Map<string, ScoredExamples[]>()
  const seedsOf = (name: string) => {
    const known = scored.get(name)
    if (known) return known
    const seeds = models.get(name)
    if (!seeds) throw new InvalidConfiguration('comparison', `there is no model "${name}"`)
    const examples = seeds.map((probabilities) => scoreExamples(probabilities, labels))
    scored.set(name, examples)
    return examples
  }
  const compared = pairs.map(([a, b]) => {
    const [ofA, ofB] = [seedsOf(a), seedsOf(b)]
    const { discordant, test, p } = mcnemar(ofA.map(correctness), ofB.map(correctness))
    const differences = differenceMetrics(ofA, ofB)
    return { a, b, ...bootstrapEstimates(differences, labels.length, bootstrap), discordant, test, pMcNemar: p }
  })
  const corrected = holm(compared.map(({ pMcNemar }) => pMcNemar))
  return compared.map((comparison, i) => ({ ...comparison, pHolm: corrected[i]! }))
}

function correctness({ predicted, labels }: ScoredExamples): boolean[] {
  return predicted.map((label, i) => label === labels[i])
}

function differenceMetrics(a: readonly ScoredExamples[], b: readonly ScoredExamples[]) {
  const [ofA, ofB] = [a, b].map((seeds) =>
    meanMetrics(
      seeds.map((examples) => ({
        accuracy: accuracyMetric(examples),
        macroF1: macroF1Metric(examples),
        nll: nllMetric(examples),
      })),
    ),
  ) as [Comparable, Comparable]
  const less =
    (name: keyof Comparable): ResampledMetric =>
    (counts) =>
      ofA[name](counts) - ofB[name](counts)
  return { accuracy: less('accuracy'), macroF1: less('macroF1'), nll: less('nll') }
}

type Comparable = Record<'accuracy' | 'macroF1' | 'nll', ResampledMetric>
